import type { ChoiceNotice } from '../backends/with-fallback.ts';
import type { EndpointNotice } from '../monitor/types.ts';
import { endpointEntry } from './endpoint-messages.ts';
import type { LogEntry } from './log/log.ts';
import { noticeEntry } from './notices.ts';

export type LookNotice = ChoiceNotice | EndpointNotice;

/** What is said about where is looked, and how. */
export function lookEntry(notice: LookNotice): LogEntry {
  return 'inspector' in notice ? noticeEntry(notice) : endpointEntry(notice);
}
