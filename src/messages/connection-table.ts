import {
  knownAge,
  knownSilenceMs,
  type TrackedConnection,
  type TrackedConnections,
} from '../drain/tracked.ts';
import { formatBytes, shortDuration, visible } from './words.ts';

interface Column {
  readonly title: string;
  readonly isNumber: boolean;
  readonly cell: (entry: TrackedConnection, nowMs: number) => string;
}

const peer: Column = {
  title: '  PEER',
  isNumber: false,
  cell: (entry) => `  ${visible(entry.connection.peer ?? 'unknown')}`,
};
const age: Column = {
  title: 'AGE',
  isNumber: true,
  cell(entry, nowMs) {
    const known = knownAge(entry, nowMs);
    return known === null ? '-' : `${shortDuration(known.ms)}${known.isExact ? '' : '+'}`;
  },
};
const silent: Column = {
  title: 'SILENT',
  isNumber: true,
  cell(entry, nowMs) {
    const ms = knownSilenceMs(entry, nowMs);
    return ms === null ? '-' : `${shortDuration(ms)}+`;
  },
};
const received: Column = {
  title: 'IN',
  isNumber: true,
  cell: (entry) => bytes(entry.traffic?.latest.bytesReceived),
};
const sent: Column = {
  title: 'OUT',
  isNumber: true,
  cell: (entry) => bytes(entry.traffic?.latest.bytesAcked),
};
const inode: Column = {
  title: 'INODE',
  isNumber: true,
  cell: (entry) => (entry.connection.inode === 0 ? 'queued' : String(entry.connection.inode)),
};
const kind: Column = {
  title: 'KIND',
  isNumber: false,
  cell: (entry) => kindWords[entry.kind],
};

const columns = [peer, age, silent, received, sent, inode, kind];

// On a narrow terminal these are left out, one after the other.
const leastNeeded = [inode, sent, received, silent, age];

const kindWords = {
  client: 'client',
  pending: 'pending',
  'health-check': 'health check',
  unreachable: 'unreachable',
  silent: 'silent',
  own: 'own',
  ignored: 'ignored',
} as const satisfies Record<TrackedConnection['kind'], string>;

/**
 * A table of connections, one line each, below the local address that they share. A plus means "at
 * least".
 *
 * @param width how many columns of the terminal it may take; null for any number.
 */
export function connectionTable(
  tracked: TrackedConnections,
  nowMs: number,
  width: number | null = null,
): string[] {
  const groups = new Map<string, TrackedConnection[]>();
  for (const entry of tracked) {
    const { local } = entry.connection;
    groups.set(local, [...(groups.get(local) ?? []), entry]);
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

function filled(column: Column, tracked: TrackedConnections, nowMs: number): Filled {
  const cells = [column.title, ...tracked.map((entry) => column.cell(entry, nowMs))];
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
