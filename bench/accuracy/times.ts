import type { Times } from './types.ts';

/** Null where there are none. */
export function timesOf(values: readonly number[]): Times | null {
  const ascending = values.toSorted((one, other) => one - other);
  const most = ascending.at(-1);
  if (most === undefined) {
    return null;
  }
  return {
    median: rounded(atShare(ascending, 0.5)),
    p99: rounded(atShare(ascending, 0.99)),
    most: rounded(most),
  };
}

/** The smallest value that so large a share of all does not exceed. */
function atShare(ascending: readonly number[], share: number): number {
  return ascending[Math.max(0, Math.ceil(share * ascending.length) - 1)] ?? 0;
}

/** More digits than were measured make a file of results no truer. */
export function rounded(value: number): number {
  return Number(value.toPrecision(5));
}
