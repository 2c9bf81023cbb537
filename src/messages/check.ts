import type { Mistake, Setting } from '../options/read.ts';
import type { LogEntry } from './log/log.ts';
import { mistakeEntry } from './problems.ts';
import { visible } from './words.ts';

/** An address that a wait would watch. */
export interface WatchedAddress {
  readonly address: string;
  /** A default address, which counts once something listens there. */
  readonly isAssumed: boolean;
}

export interface CheckReport {
  readonly settings: readonly Setting[];
  readonly mistakes: readonly Mistake[];
  readonly watched: readonly WatchedAddress[];
  /** Notices about endpoints, backends and the surroundings. */
  readonly notices: readonly LogEntry[];
}

/** What `wait --check` prints. */
export function checkText({ settings, mistakes, watched, notices }: CheckReport): string {
  const infos = notices.filter(({ level }) => level === 'info');
  const warnings = notices.filter(({ level }) => level === 'warn' || level === 'error');
  const wrong = [...mistakes.map(mistakeEntry), ...warnings];
  const lines = [
    'Settings',
    ...settingLines(settings),
    '',
    'Would be watched',
    ...watched.map(({ address, isAssumed }) =>
      isAssumed ? `  ${address} (a default: it counts once something listens)` : `  ${address}`,
    ),
    ...infos.map(({ message }) => `  ${message}`),
    '',
    ...(wrong.length === 0 ? [] : ['Problems', ...wrong.map(wrongLine), '']),
    verdict(mistakes.filter(({ isOurs }) => isOurs).length),
  ];
  return lines.map((line) => `${visible(line)}\n`).join('');
}

function settingLines(settings: readonly Setting[]): string[] {
  const rows = settings.map(({ name, text, source }) => {
    return [`--${name}`, text === '' ? '-' : text, source ?? 'default'] as const;
  });
  const width = (column: 0 | 1): number => Math.max(...rows.map((row) => row[column].length));
  const [names, values] = [width(0), Math.min(width(1), 30)];
  return rows.map(
    ([name, value, source]) => `  ${name.padEnd(names)}  ${value.padEnd(values)}  ${source}`,
  );
}

function wrongLine({ level, message }: LogEntry): string {
  return `  ${level === 'warn' ? 'warning' : level}: ${message}`;
}

function verdict(count: number): string {
  switch (count) {
    case 0:
      return 'The settings are valid.';
    case 1:
      return '1 setting is wrong.';
    default:
      return `${count} settings are wrong.`;
  }
}
