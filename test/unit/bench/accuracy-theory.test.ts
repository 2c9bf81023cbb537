import { describe, expect, it } from 'vitest';
import {
  expectedCountError,
  expectedRecall,
  meanDifference,
} from '../../../bench/accuracy/theory.ts';

const exactly = (ms: number) => ({ leastMs: ms, mostMs: ms });

describe('the share that polls are expected to see', () => {
  it.each([
    [5, [10, 10, 10], 0.5],
    [20, [10, 10, 10], 1],
    [10, [5, 15], (5 + 10) / 20],
    [1, [1, 1, 1, 97], (3 + 1) / 100],
  ])('of lifetimes of %d ms, with gaps of %j ms, is %d', (lifetime, gaps, recall) => {
    expect(expectedRecall([exactly(lifetime)], gaps)?.recall).toBeCloseTo(recall);
  });

  it('is uncertain by chance, as of coins that are thrown', () => {
    const lived = Array.from({ length: 100 }, () => exactly(5));
    expect(expectedRecall(lived, [10])?.standardError).toBeCloseTo(Math.sqrt(100 * 0.25) / 100);
  });

  it('is uncertain by what one does not know of the lifetimes', () => {
    const lived = Array.from({ length: 10_000 }, () => ({ leastMs: 4, mostMs: 6 }));
    const expected = expectedRecall(lived, [10]);
    expect(expected?.recall).toBeCloseTo(0.5);
    expect(expected?.standardError).toBeCloseTo(0.2 / Math.sqrt(12), 2);
  });

  it('is never more certain than half a connection', () => {
    const lived = Array.from({ length: 10 }, () => exactly(50));
    expect(expectedRecall(lived, [10])).toEqual({ recall: 1, standardError: 0.05 });
  });

  it('is not to be had of nothing', () => {
    expect(expectedRecall([], [10])).toBeNull();
    expect(expectedRecall([exactly(1)], [])).toBeNull();
  });
});

describe('the error that a count is expected to have', () => {
  it.each([
    [0, 0],
    [0.001, 0.002],
    // 2 e^-2 (I0(2) + I1(2))
    [1, 1.0476],
    // Of many, that of the normal distribution: 2 √(m/π)
    [100, 11.28],
  ])('of two Poisson variables with the mean %d is %d', (mean, difference) => {
    expect(meanDifference(mean)).toBeCloseTo(difference, 2);
  });

  it('grows with the age of what is known, up to the lifetime', () => {
    const of = (lifetimeMs: number, gapMs: number) =>
      expectedCountError(0.0001, [lifetimeMs], { gapMs, delayMs: 0 });
    // So few that no two cancel out: an arrival and a departure for each, in half a gap on average.
    expect(of(1e6, 100)).toBeCloseTo(2 * 0.0001 * 50, 3);
    expect(of(1, 1000)).toBeCloseTo(2 * 0.0001 * 1, 4);
  });
});
