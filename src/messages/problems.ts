import type { Mistake } from '../options/read.ts';
import type { LogEntry } from './log/log.ts';

/** The oldest Node.js that this is tested on: `engines` in package.json says the same. */
export const oldestNode = '20.17';

/** Whether a version, such as `v18.20.8`, is older than that. */
export function isOldNode(version: string): boolean {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
  const [leastMajor = 0, leastMinor = 0] = oldestNode.split('.').map(Number);
  return major < leastMajor || (major === leastMajor && minor < leastMinor);
}

export function oldNodeText(version: string): string {
  return `Node.js ${version} is older than ${oldestNode}, the oldest that buildkit-drain is tested on`;
}

export function oldNodeEntry(version: string): LogEntry {
  return {
    level: 'error',
    message: `${oldNodeText(version)}: continuing, but use a newer Node.js.`,
    fields: { event: 'node-too-old', version, oldest: oldestNode },
  };
}

export function noDeadlineEntry(): LogEntry {
  return {
    level: 'warn',
    message:
      'No deadline is set. Kubernetes ends this hook without a signal when the grace period is ' +
      'over: set --timeout a minute or two below terminationGracePeriodSeconds.',
    fields: { event: 'no-deadline' },
  };
}

/** A mistake that does not end the command. */
export function mistakeEntry({ level, message, instead }: Mistake): LogEntry {
  return { level, message: `${message}; ${instead}.`, fields: { event: 'setting-refused' } };
}

export function bugText(error: unknown): string {
  const trace = error instanceof Error ? error.stack : String(error);
  return `this is a bug in buildkit-drain, please report it:\n${trace}`;
}

/** The last entry of a command that an error has ended. */
export function failureEntry(message: string, exitCode: number): LogEntry {
  return {
    level: 'error',
    message: `buildkit-drain ends with exit code ${exitCode}: ${message}`,
    fields: { event: 'failed', exitCode },
  };
}

/** An unexpected error outside of a wait. */
export function uncaughtEntry(error: unknown): LogEntry {
  return {
    level: 'error',
    message: `Continuing after an unexpected error: ${bugText(error)}`,
    fields: { event: 'uncaught' },
  };
}

/** An unexpected error that has ended a wait, which starts again. */
export function restartEntry(error: unknown): LogEntry {
  return {
    level: 'error',
    message: `The wait failed and starts again: ${bugText(error)}`,
    fields: { event: 'wait-failed' },
  };
}
