import type { TrackedConnection } from '../drain/tracked.ts';
import { knownAge, knownSilenceMs } from '../drain/tracked.ts';
import { about, formatBytes, visible } from './words.ts';

/** A connection to show. */
export interface ConnectionRow {
  readonly entry: TrackedConnection;
  /** Whether its peer was said to be no client. */
  readonly isIgnored: boolean;
}

interface Column {
  readonly title: string;
  readonly isNumber: boolean;
  readonly cell: (row: ConnectionRow, nowMs: number) => string;
}

const peer: Column = {
  title: '  PEER',
  isNumber: false,
  cell: ({ entry }) => `  ${visible(entry.connection.peer ?? 'unknown')}`,
};
const age: Column = {
  title: 'AGE',
  isNumber: true,
  cell({ entry }, nowMs) {
    const known = knownAge(entry, nowMs);
    return known === null ? '-' : `${about(known.ms)}${known.isExact ? '' : '+'}`;
  },
};
const silent: Column = {
  title: 'SILENT',
  isNumber: true,
  cell({ entry }, nowMs) {
    const ms = knownSilenceMs(entry, nowMs);
    return ms === null ? '-' : `${about(ms)}+`;
  },
};
const received: Column = {
  title: 'IN',
  isNumber: true,
  cell: ({ entry }) => bytes(entry.traffic?.latest.bytesReceived),
};
const sent: Column = {
  title: 'OUT',
  isNumber: true,
  cell: ({ entry }) => bytes(entry.traffic?.latest.bytesAcked),
};
const inode: Column = {
  title: 'INODE',
  isNumber: true,
  cell: ({ entry }) => (entry.connection.inode === 0 ? 'queued' : String(entry.connection.inode)),
};
const taken: Column = {
  title: 'TAKEN FOR',
  isNumber: false,
  cell: ({ entry, isIgnored }) => takenFor(entry, isIgnored),
};

const columns = [peer, age, silent, received, sent, inode, taken];

// Where there is no room for all, these go, one after the other.
const leastNeeded = [inode, sent, received, silent, age];

const standingWords = {
  client: 'client',
  pending: 'new',
  'health-check': 'health check',
  unreachable: 'unreachable',
  silent: 'silent',
  own: 'ourselves',
  ignored: 'ignored',
} as const satisfies Record<TrackedConnection['kind'], string>;

/** What a connection is taken for, in words for people. */
function takenFor({ kind }: TrackedConnection, isIgnored: boolean): string {
  return isIgnored ? 'ignored' : standingWords[kind];
}

/**
 * A table of connections, one line each, below the daemon's end that they have in common. A plus says
 * that it is at least so much.
 *
 * @param width how many columns it may take, if it can; null for any number.
 */
export function connectionTable(
  rows: readonly ConnectionRow[],
  nowMs: number,
  width: number | null = null,
): string[] {
  const groups = new Map<string, ConnectionRow[]>();
  for (const row of rows) {
    const { local } = row.entry.connection;
    groups.set(local, [...(groups.get(local) ?? []), row]);
  }
  const ordered = [...groups.values()].flat();
  const all = columns.map((column) => filled(column, ordered, nowMs));
  const [titles = '', ...lines] = linesOf(fitting(all, width));
  const table = [titles];
  for (const [local, { length }] of groups) {
    table.push(`at ${visible(local)}`, ...lines.splice(0, length));
  }
  return table;
}

interface Filled {
  readonly column: Column;
  readonly cells: readonly string[];
  readonly width: number;
}

function filled(column: Column, rows: readonly ConnectionRow[], nowMs: number): Filled {
  const cells = [column.title, ...rows.map((row) => column.cell(row, nowMs))];
  return { column, cells, width: Math.max(...cells.map((cell) => cell.length)) };
}

function fitting(all: readonly Filled[], width: number | null): readonly Filled[] {
  let kept = all;
  for (const dropped of leastNeeded) {
    if (width === null || widthOf(kept) <= width) {
      break;
    }
    kept = kept.filter(({ column }) => column !== dropped);
  }
  return kept;
}

const gap = '  ';

function widthOf(all: readonly Filled[]): number {
  return all.reduce((sum, { width }) => sum + width + gap.length, -gap.length);
}

function linesOf(all: readonly Filled[]): string[] {
  const count = all[0]?.cells.length ?? 0;
  return Array.from({ length: count }, (_, line) => {
    const cells = all.map(({ column, cells, width }) => {
      const cell = cells[line] ?? '';
      return column.isNumber ? cell.padStart(width) : cell.padEnd(width);
    });
    return cells.join(gap).trimEnd();
  });
}

function bytes(count: number | null | undefined): string {
  return count === null || count === undefined ? '-' : formatBytes(count);
}
