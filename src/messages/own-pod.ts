import type { PodMarkEvent } from '../kubernetes/types.ts';
import { errorJson } from './json.ts';
import type { LogEntry } from './log/log.ts';
import { shortDuration } from './words.ts';

/** The log entry about the marks of the own pod. */
export function podMarkEntry(event: PodMarkEvent): LogEntry {
  const { kind, mark } = event;
  if (kind === 'pod-marked') {
    return {
      level: 'info',
      message: `This pod is marked as ${mark}.`,
      fields: { event: kind, mark },
    };
  }
  const { error, retryInMs } = event;
  return {
    level: 'warn',
    message:
      `This pod cannot be marked as ${mark}: ${error.message}. ` +
      `Trying again in ${shortDuration(retryInMs)}.`,
    fields: { event: kind, mark, error: errorJson(error), retryInMs },
  };
}
