import type { LogEntry } from './log/log.ts';

/** What is said of an unexpected error. */
export function bugText(error: unknown): string {
  const trace = error instanceof Error ? error.stack : String(error);
  return `this is a bug in buildkit-drain, please report it:\n${trace}`;
}

/** What the log says of a command that an error has ended. */
export function failureEntry(message: string, exitCode: number): LogEntry {
  return {
    level: 'error',
    message: `buildkit-drain ends with exit code ${exitCode}: ${message}`,
    fields: { event: 'failed', exitCode },
  };
}

/** What is said of an unexpected error outside of a wait. */
export function uncaughtEntry(error: unknown): LogEntry {
  return {
    level: 'error',
    message: `Going on after an unexpected error: ${bugText(error)}`,
    fields: { event: 'uncaught' },
  };
}

/** What is said of a wait that an unexpected error has broken off, and that starts again. */
export function anewEntry(error: unknown): LogEntry {
  return {
    level: 'error',
    message: `The wait failed and starts again: ${bugText(error)}`,
    fields: { event: 'wait-failed' },
  };
}

/**
 * What is said at the end of a wait that failed each time it was started.
 *
 * @param signal what has ended it; null for its deadline.
 */
export function gaveUpEntry(reason: string, signal: unknown): LogEntry {
  const end = signal === null ? 'Gave up blind' : `Interrupted by ${signal}`;
  return {
    level: 'error',
    message:
      `${end}: the wait failed each time it was started (${reason}). Whether a client is still ` +
      'connected is unknown.',
    fields: { event: 'ended', outcome: signal === null ? 'unknown' : 'interrupted' },
  };
}
