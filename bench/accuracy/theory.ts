import type { VisibleRange } from './ground-truth.ts';
import { countBelow } from './recording.ts';

export interface ExpectedRecall {
  readonly recall: number;
  /** From chance, and from the uncertainty of the lifetimes. */
  readonly standardError: number;
}

/**
 * The share of connections that polls see if connections arrive uniformly. A poll every T sees a
 * connection of lifetime L with probability min(1, L/T). Real gaps between polls vary; over all gaps g
 * the probability is sum(min(g, L)) / sum(g), which is the same for equal gaps.
 *
 * @param gapsMs the measured gaps between polls.
 * @returns null without connections or polls.
 */
export function expectedRecall(
  lived: readonly VisibleRange[],
  gapsMs: readonly number[],
): ExpectedRecall | null {
  if (lived.length === 0 || gapsMs.length === 0) {
    return null;
  }
  const seenBy = chanceToSee(gapsMs);
  let seen = 0;
  let variance = 0;
  let range = 0;
  for (const { leastMs, mostMs } of lived) {
    const [least, most] = [seenBy(leastMs), seenBy(mostMs)];
    const chance = (least + most) / 2;
    seen += chance;
    variance += chance * (1 - chance);
    range += most - least;
  }
  // A count cannot be more precise than half a connection. The standard deviation of a uniform
  // distribution is its range divided by the root of 12.
  const deviation = Math.hypot(Math.max(Math.sqrt(variance), 0.5), range / Math.sqrt(12));
  return { recall: seen / lived.length, standardError: deviation / lived.length };
}

function chanceToSee(gapsMs: readonly number[]): (lifetimeMs: number) => number {
  const ascending = Float64Array.from(gapsMs).sort();
  const sums = new Float64Array(ascending.length + 1);
  ascending.forEach((gap, index) => {
    sums[index + 1] = (sums[index] ?? 0) + gap;
  });
  const total = sums[ascending.length] ?? 0;
  return (lifetimeMs) => {
    const shorter = countBelow(ascending, lifetimeMs);
    return ((sums[shorter] ?? 0) + (ascending.length - shorter) * lifetimeMs) / total;
  };
}

export interface PollTimes {
  /** Mean time between two polls. */
  readonly gapMs: number;
  /** From the moment whose state a poll returns to the end of the poll. */
  readonly delayMs: number;
}

const agesToTry = 64;

/**
 * The mean absolute error of a count that is as old as the last poll. At age `a`, it lacks X arrivals
 * and still has Y connections that are gone. With Poisson arrivals at rate r, both are Poisson with
 * mean r E[min(a, L)]; the error is the mean of |X - Y| over all ages between two polls.
 */
export function expectedCountError(
  ratePerMs: number,
  lifetimesMs: readonly number[],
  { gapMs, delayMs }: PollTimes,
): number {
  let sum = 0;
  for (let index = 0; index < agesToTry; index += 1) {
    const ageMs = delayMs + ((index + 0.5) / agesToTry) * gapMs;
    const lived = lifetimesMs.reduce((total, each) => total + Math.min(ageMs, each), 0);
    sum += meanDifference((ratePerMs * lived) / Math.max(1, lifetimesMs.length));
  }
  return sum / agesToTry;
}

/**
 * E|X - Y| of two independent Poisson variables with the same mean m (Skellam's distribution):
 * 2m e^(-2m) (I0(2m) + I1(2m)), where I are the modified Bessel functions.
 */
export function meanDifference(mean: number): number {
  const x = 2 * mean;
  let term = Math.exp(-x);
  let sum = 0;
  // I0(x) + I1(x) is the sum of (x/2)^(2k)/k!² and of (x/2)^(2k+1)/(k!(k+1)!).
  for (let k = 0; k < mean * 3 + 40; k += 1) {
    const odd = (term * mean) / (k + 1);
    sum += term + odd;
    term = (odd * mean) / (k + 1);
  }
  return x * sum;
}
