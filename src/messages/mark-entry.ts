import type { LogEntry } from './log/log.ts';

/** What is said when a wait can't show itself to other processes. */
export function unmarkedEntry(reason: string): LogEntry {
  return {
    level: 'warn',
    message:
      "Other processes can't see that this drain is under way, so `buildkit-drain ready " +
      `--after-drain\` does not say no because of it: ${reason}.`,
    fields: { event: 'unmarked', reason },
  };
}
