import type { WatchStatus } from '../drain/types.ts';
import { connectionTable } from './connection-table.ts';
import { buildsLine, headline } from './status.ts';
import { formatDuration, visible } from './words.ts';

export interface ScreenSize {
  readonly columns: number;
  readonly rows: number;
}

export interface FrameInput {
  readonly status: WatchStatus;
  /** The moment of drawing, on the clock that the connections' times are of. */
  readonly nowMs: number;
  readonly intervalMs: number;
  /** The latest changes in words, the last one last. */
  readonly changes: readonly string[];
  readonly size: ScreenSize;
}

const standardSize: ScreenSize = { columns: 80, rows: 24 };

/** One picture of how things stand, in lines that fit the screen. */
export function watchFrame(input: FrameInput): string[] {
  const columns = input.size.columns || standardSize.columns;
  const rows = input.size.rows || standardSize.rows;
  const head = headOf(input).flatMap((line) => wrapped(visible(line), columns));
  const { tracked } = input.status;
  const table = tracked.length > 0 ? connectionTable(tracked, input.nowMs, columns) : [];
  const spare = rows - head.length - table.length - 2;
  const changes = input.changes.slice(-Math.max(1, Math.min(spare, Math.floor(rows / 3))));
  const room = rows - head.length - 1 - (changes.length > 0 ? changes.length + 1 : 0);
  const lines = [
    ...head,
    ...(table.length > 0 ? ['', ...shortened(table, room)] : []),
    ...(changes.length > 0 ? ['', ...changes.map(visible)] : []),
  ];
  return lines.slice(0, rows).map((line) => clipped(line, columns));
}

function headOf(input: FrameInput): string[] {
  const { sample, clients, tracked, builds, seenBetweenPolls } = input.status;
  return [
    `Every ${formatDuration(input.intervalMs)}. q or Ctrl-C ends.`,
    headline({ sample, tracked, clients: clients.length }),
    ...(builds === null ? [] : [buildsLine(builds)]),
    ...(seenBetweenPolls > 0
      ? [`At least ${seenBetweenPolls} more came and went between two polls.`]
      : []),
  ];
}

function shortened(table: readonly string[], room: number): readonly string[] {
  if (table.length <= room) {
    return table;
  }
  const kept = table.slice(0, Math.max(0, room - 1));
  return [...kept, `… ${table.length - kept.length} more lines`];
}

function clipped(line: string, columns: number): string {
  return line.length <= columns ? line : `${line.slice(0, Math.max(0, columns - 1))}…`;
}

/** A sentence in lines of whole words, at most three of them. */
function wrapped(text: string, columns: number): string[] {
  const lines: string[] = [];
  let rest = text;
  while (rest.length > columns && lines.length < 2) {
    const space = rest.lastIndexOf(' ', columns);
    const end = space > 0 ? space : columns;
    lines.push(rest.slice(0, end));
    rest = rest.slice(end).trimStart();
  }
  return [...lines, rest];
}
