import type { Mistake } from '../options/read.ts';
import type { LogEntry } from './log/log.ts';

/** What is said of a mistake that does not end the command. */
export function mistakeEntry({ level, message, instead }: Mistake): LogEntry {
  return {
    level,
    message: `${message}; ${instead}.`,
    fields: { event: 'setting-refused' },
  };
}
