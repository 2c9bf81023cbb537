import type { WaitNotice } from '../monitor/types.ts';
import { endpointEntry } from './endpoint-messages.ts';
import type { LogEntry } from './log/log.ts';
import { unmarkedEntry } from './mark-entry.ts';
import { backendEntry } from './notices.ts';

/** What is said about where is looked, and how. */
export function monitorEntry(notice: WaitNotice): LogEntry {
  if (notice.kind === 'drain-marker-failed') {
    return unmarkedEntry(notice.reason);
  }
  return 'backend' in notice ? backendEntry(notice) : endpointEntry(notice);
}
