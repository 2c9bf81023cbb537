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
    message: `${oldNodeText(version)}: going on as well as it can. Use a newer Node.js.`,
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
