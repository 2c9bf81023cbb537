import type { LogEntry } from './log/log.ts';

/** What became of one option. */
export interface Setting {
  readonly name: string;
  readonly text: string;
  /** The flag or the variable that has set it; null where it is the default. */
  readonly source: string | null;
}

/** A setting that could not be taken as it is. */
export interface Mistake {
  readonly level: 'warn' | 'error';
  /** What has it, what was expected and what was received. */
  readonly message: string;
  /** What a command does that goes on in spite of it: `going on with the default: 10s`. */
  readonly instead: string;
  /** Whether it was meant for this tool, and not for whatever else may use the variable's name. */
  readonly isOurs: boolean;
}

/** What is said of a mistake that does not end the command. */
export function mistakeEntry({ level, message, instead }: Mistake): LogEntry {
  return {
    level,
    message: `${message}; ${instead}.`,
    fields: { event: 'setting-refused' },
  };
}
