import { readdirSync, readFileSync } from 'node:fs';
import { machineMs } from '../../test/support/machine-time.ts';
import type { Point, Series } from './growth.ts';

/** What a process holds, in kB and in numbers. */
export interface Footprint {
  readonly atMs: number;
  readonly rssKb: number;
  /** Memory of its own, of no file: the heaps and the stacks. */
  readonly anonymousKb: number;
  readonly descriptors: number;
  readonly threads: number;
}

// What V8 keeps back for new objects goes up and down by so much.
const memory = { tolerance: 1024, leastMs: 2_400_000 };
const handles = { tolerance: 0, leastMs: 30_000 };

const figures = {
  rssKb: memory,
  anonymousKb: memory,
  descriptors: handles,
  threads: handles,
} as const satisfies Record<Exclude<keyof Footprint, 'atMs'>, Omit<Series, 'name' | 'points'>>;

type FigureName = keyof typeof figures;

/** What a process holds now; null when it is no more. */
export function footprintOf(pid: number): Footprint | null {
  try {
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return {
      atMs: machineMs(),
      rssKb: numberAfter(rollup, 'Rss:'),
      anonymousKb: numberAfter(rollup, 'Anonymous:'),
      descriptors: readdirSync(`/proc/${pid}/fd`).length,
      threads: numberAfter(status, 'Threads:'),
    };
  } catch {
    return null;
  }
}

export function seriesOf(prints: readonly Footprint[]): Series[] {
  return (Object.keys(figures) as FigureName[]).map((name) => ({
    name,
    ...figures[name],
    points: prints.map((print) => ({ atMs: print.atMs, value: print[name] })),
  }));
}

/** The heap after each whole collection, from the notes of collect.cjs. */
export function collectedHeap(notes: readonly string[]): Series {
  const points = notes.filter((note) => note !== '').map((note) => JSON.parse(note) as Point);
  return { name: 'collectedKb', points, tolerance: 300, leastMs: 600_000 };
}

function numberAfter(text: string, label: string): number {
  const found = new RegExp(`^${label}\\s+(\\d+)`, 'm').exec(text)?.[1];
  if (found === undefined) {
    throw new Error(`Expected ${label} and a number but received ${text.slice(0, 200)}`);
  }
  return Number(found);
}
