import type { ChildEnd } from '../run/child.ts';
import type { RunEvent } from '../run/supervise.ts';
import { rounded } from './json.ts';
import type { LogEntry } from './log/log.ts';
import { formatDuration } from './words.ts';

/** The log entries of `run`. */
export function runEntry(event: RunEvent): LogEntry {
  return { ...entryOf(event), fields: { event: event.kind, ...fieldsOf(event) } };
}

function fieldsOf(event: RunEvent): Readonly<Record<string, unknown>> {
  if (event.kind === 'run-ended') {
    const { pid, end } = event;
    return {
      pid,
      exitCode: end.kind === 'exited' ? end.code : null,
      signal: end.kind === 'killed' ? end.signal : null,
    };
  }
  if (event.kind === 'run-unknown') {
    return { reason: event.reason, restMs: rounded(event.restMs) };
  }
  const { kind: _, ...fields } = event;
  return fields;
}

function entryOf(event: RunEvent): Pick<LogEntry, 'level' | 'message'> {
  switch (event.kind) {
    case 'run-started':
      return { level: 'debug', message: `Started ${event.program} (pid ${event.pid}).` };
    case 'run-draining':
      return {
        level: 'info',
        message:
          `Received ${event.signal}: waiting for quiet before passing SIGTERM on to process ` +
          `${event.pid}. A second signal ends the wait.`,
      };
    case 'run-skipped':
      return { level: 'warn', message: `Received ${event.signal} again: ending the wait.` };
    case 'run-stopping':
      return { level: 'info', message: `Passing SIGTERM on to process ${event.pid}.` };
    case 'run-ended':
      return { level: 'info', message: `Process ${event.pid} ${endText(event.end)}.` };
    case 'run-unknown':
      return {
        level: 'error',
        message:
          `The wait failed (${event.reason}), so clients may be connected: holding SIGTERM back ` +
          `${event.restMs === null ? '' : `for ${formatDuration(event.restMs)}, or `}` +
          'until a second signal comes or the daemon ends.',
      };
    case 'run-not-reaping':
      return {
        level: 'warn',
        message: `As process 1 this should reap orphaned processes, and cannot: ${event.reason}.`,
      };
  }
}

function endText(end: ChildEnd): string {
  return end.kind === 'exited' ? `ended with code ${end.code}` : `was ended by ${end.signal}`;
}
