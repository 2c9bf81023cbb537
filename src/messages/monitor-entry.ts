import type { MonitorNotice } from '../monitor/types.ts';
import { endpointEntry } from './endpoint-messages.ts';
import type { LogEntry } from './log/log.ts';
import { backendEntry } from './notices.ts';

/** What is said about where is looked, and how. */
export function monitorEntry(notice: MonitorNotice): LogEntry {
  return 'backend' in notice ? backendEntry(notice) : endpointEntry(notice);
}
