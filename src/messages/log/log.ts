import type { LogFormat, LogLevel } from '../../options/table.ts';
import { logLevels } from '../../options/table.ts';
import { isoTime } from '../iso-time.ts';
import { visible, visibleJson } from '../words.ts';

/** One log line: `message` for people, `fields` for machines. docs/json.md lists all fields. */
export interface LogEntry {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>> & { readonly event: string };
}

export interface LogOptions {
  readonly format: LogFormat;
  /** Entries below this level are dropped. */
  readonly level: LogLevel;
  /** Stands before every message; empty for none. */
  readonly prefix: string;
  readonly now: () => Date;
  readonly write: (line: string, entry: LogEntry) => void;
}

/** Makes the function that writes entries, one line each. */
export function createLog(options: LogOptions): (entry: LogEntry) => void {
  const threshold = logLevels.indexOf(options.level);
  return (entry) => {
    if (logLevels.indexOf(entry.level) >= threshold) {
      options.write(`${formatEntry(entry, options)}\n`, entry);
    }
  };
}

function formatEntry({ level, message, fields }: LogEntry, options: LogOptions): string {
  const timestamp = isoTime(options.now());
  const text = options.prefix === '' ? message : `${options.prefix} ${message}`;
  return options.format === 'json'
    ? visibleJson({ timestamp, level, message: text, ...fields })
    : `${timestamp} ${level.padEnd(5)} ${visible(text)}`;
}
