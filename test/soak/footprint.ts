import { readdirSync, readFileSync } from 'node:fs';
import { machineMs } from '../support/machine-time.ts';
import type { Series } from './growth.ts';

/** What a process holds, in kB and in numbers. */
export interface Footprint {
  readonly atMs: number;
  readonly rssKb: number;
  readonly pssKb: number;
  /** Memory of its own, of no file: the heaps and the stacks. */
  readonly anonymousKb: number;
  readonly descriptors: number;
  readonly threads: number;
}

// A process of Node.js takes minutes to find its size, and keeps a megabyte or two in reserve.
const memory = { tolerance: 1024, leastMs: 600_000 };
const handles = { tolerance: 0, leastMs: 30_000 };

const figures = {
  rssKb: memory,
  pssKb: memory,
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
      pssKb: numberAfter(rollup, 'Pss:'),
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

/** The heap after each whole collection, in MB, from what `node --trace-gc` prints. */
export function heapAfterCollections(printed: readonly string[]): number[] {
  return printed.flatMap((line) => {
    const after = /Mark-Compact.*? -> ([\d.]+) \(/.exec(line)?.[1];
    return after === undefined ? [] : [Number(after)];
  });
}

function numberAfter(text: string, label: string): number {
  const found = new RegExp(`^${label}\\s+(\\d+)`, 'm').exec(text)?.[1];
  if (found === undefined) {
    throw new Error(`Expected ${label} and a number but received ${text.slice(0, 200)}`);
  }
  return Number(found);
}
