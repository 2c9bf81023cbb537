import type { LookNotice } from '../monitor/types.ts';
import { endpointEntry } from './endpoint-messages.ts';
import type { LogEntry } from './log/log.ts';
import { noticeEntry } from './notices.ts';

/** What is said about where is looked, and how. */
export function lookEntry(notice: LookNotice): LogEntry {
  return 'inspector' in notice ? noticeEntry(notice) : endpointEntry(notice);
}
