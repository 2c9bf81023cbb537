import type { LogEntry } from './log.ts';

/** What is said of an error that nobody has foreseen. */
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

/** What is said of an error that came up beside what is done. */
export function uncaughtEntry(error: unknown): LogEntry {
  return {
    level: 'error',
    message: `Going on after an error: ${bugText(error)}`,
    fields: { event: 'uncaught' },
  };
}

/** What is said of a wait that was broken off by an error, and begins anew. */
export function anewEntry(error: unknown): LogEntry {
  return {
    level: 'error',
    message: `The wait failed, and begins anew until its deadline: ${bugText(error)}`,
    fields: { event: 'wait-failed' },
  };
}

/** What is said at the end of a wait that has failed to its deadline. */
export function gaveUpEntry(reason: string): LogEntry {
  return {
    level: 'error',
    message: `Gave up blind: the wait failed to the last (${reason}). Nobody knows whether a client is still connected.`,
    fields: { event: 'ended', outcome: 'blind' },
  };
}
