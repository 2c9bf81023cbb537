/** All that one detector saw, from its first look to its last. Times are in milliseconds. */
export interface Recording {
  /** When each look began, and when its answer was there. */
  readonly fromMs: Float64Array;
  readonly toMs: Float64Array;
  /** What was seen, from each look on that saw something else than the one before. */
  readonly changes: readonly Change[];
  /** Connections that no look has seen, and of whose end the kernel told. */
  readonly told: readonly Told[];
  /** User and system time by then, in milliseconds. */
  readonly cpu: readonly { readonly atMs: number; readonly cpuMs: number }[];
}

/** The key of a connection that has no name. */
export const nameless = 0;

export interface Change {
  readonly poll: number;
  /** Ascending. Null where the look failed. */
  readonly keys: readonly number[] | null;
}

export interface Told {
  readonly atMs: number;
  readonly peerPort: number;
}

/** The time of a look that was made. */
export function timeAt(times: Float64Array, poll: number): number {
  return times[poll] ?? Number.NaN;
}

const goldenRatio = (Math.sqrt(5) - 1) / 2;

/**
 * The moments that looks show, for theory: one can't say which between the begin and the end of a
 * look, so that all of them are taken alike. Multiples of the golden ratio lie evenly.
 */
export function momentsOf({ fromMs, toMs }: Recording): Float64Array {
  return fromMs.map((from, poll) => {
    const share = ((poll + 1) * goldenRatio) % 1;
    return from + ((toMs[poll] ?? from) - from) * share;
  });
}

/** The CPU used in a window, in percent of one core; null where it was not measured long enough. */
export function cpuPercentIn(cpu: Recording['cpu'], fromMs: number, toMs: number): number | null {
  const within = cpu.filter(({ atMs }) => atMs >= fromMs && atMs <= toMs);
  const first = within[0];
  const last = within.at(-1);
  if (first === undefined || last === undefined || last.atMs <= first.atMs) {
    return null;
  }
  return ((last.cpuMs - first.cpuMs) / (last.atMs - first.atMs)) * 100;
}

/** How many there are below a value, in ascending values. */
export function countBelow(ascending: ArrayLike<number>, value: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ascending[middle] ?? Infinity) < value) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}
