import type { ChildEnd, RunEvent } from '../run/types.ts';
import type { LogEntry } from './log/log.ts';
import { formatDuration } from './words.ts';

/** What is said of the daemon that is run. */
export function runEntry(event: RunEvent): LogEntry {
  const { kind, ...fields } = event;
  return { ...entryOf(event), fields: { event: kind, ...fields } };
}

function entryOf(event: RunEvent): Pick<LogEntry, 'level' | 'message'> {
  switch (event.kind) {
    case 'run-started':
      return { level: 'debug', message: `Started ${event.program} (pid ${event.pid}).` };
    case 'run-draining':
      return {
        level: 'info',
        message:
          `Received ${event.signal}: waiting for quiet before SIGTERM is passed on to process ` +
          `${event.pid}. A second one ends the wait.`,
      };
    case 'run-skipped':
      return { level: 'warn', message: `Received ${event.signal} again: the wait is skipped.` };
    case 'run-stopping':
      return { level: 'info', message: `Passing SIGTERM on to process ${event.pid}.` };
    case 'run-ended':
      return { level: 'info', message: `Process ${event.pid} ${endText(event.end)}.` };
    case 'run-blind':
      return {
        level: 'error',
        message:
          `The wait failed (${event.reason}), and nobody knows who is connected: SIGTERM is held ` +
          `back ${event.restMs === null ? '' : `for ${formatDuration(event.restMs)}, or `}` +
          'until a second one comes or the daemon ends.',
      };
    case 'run-not-reaping':
      return {
        level: 'warn',
        message: `Orphaned processes will not be reaped, which is for process 1 to do: ${event.reason}.`,
      };
  }
}

function endText(end: ChildEnd): string {
  return end.kind === 'exited' ? `has ended with code ${end.code}` : `was ended by ${end.signal}`;
}
