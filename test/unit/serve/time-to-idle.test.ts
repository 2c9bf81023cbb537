import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Load } from '../../../src/drain/load.ts';
import {
  bucketSeconds,
  createTimeToIdle,
  type MomentHistogram,
} from '../../../src/serve/time-to-idle.ts';

const quietSeconds = 10;

/** For so many seconds. */
type Phase = readonly [load: Load, seconds: number];

/** A farm that works: builds of all lengths, and pauses of which some are too short to end a wait. */
const phases: fc.Arbitrary<Phase[]> = fc.array(
  fc.tuple(
    fc.constantFrom<Load>('idle', 'idle', 'busy', 'busy', 'unknown', 'absent'),
    fc.oneof(
      fc.integer({ min: 1, max: 2 * quietSeconds }),
      fc.integer({ min: 1, max: 700 }),
      fc.integer({ min: 1, max: 16_000 }),
    ),
  ),
  { minLength: 1, maxLength: 20 },
);

/** For the middle of each second, how long it is to the end of the work; null without a daemon. */
function truth(played: readonly Phase[]): (number | null)[] {
  const loads = played.flatMap(([load, seconds]) => Array<Load>(seconds).fill(load));
  const left = loads.map((load): number | null => (load === 'absent' ? null : 0));
  const stretches = new Map<number, number>();
  let [begin, end] = [0, Number.NEGATIVE_INFINITY];
  for (const [second, load] of loads.entries()) {
    if (load === 'absent') {
      end = Number.NEGATIVE_INFINITY;
    } else if (load !== 'idle') {
      // A pause that is too short ends no wait.
      begin = second - end < quietSeconds ? begin : second;
      end = second + 1;
      stretches.set(begin, end);
    }
  }
  for (const [from, to] of stretches) {
    for (let second = from; second < to; second += 1) {
      left[second] = to - second - 0.5;
    }
  }
  return left;
}

/** Plays the phases, and reads along the way. */
function play(
  played: readonly Phase[],
  readAt: readonly number[] = [],
  isDraining = false,
): { readonly readings: MomentHistogram[]; readonly end: MomentHistogram } {
  const histogram = createTimeToIdle(quietSeconds * 1000);
  const readings: MomentHistogram[] = [];
  let second = 0;
  const reads = [...readAt].sort((one, other) => one - other);
  for (const [load, seconds] of played) {
    histogram.update(load, second * 1000);
    second += seconds;
    for (const at of reads.splice(0, reads.filter((each) => each <= second).length)) {
      readings.push(histogram.read(at * 1000, isDraining));
    }
  }
  histogram.update('absent', second * 1000);
  return { readings, end: histogram.read(second * 1000, isDraining) };
}

function counted(left: readonly (number | null)[]): MomentHistogram {
  const known = left.filter((seconds) => seconds !== null);
  return {
    buckets: bucketSeconds.map((upToSeconds) => ({
      upToSeconds,
      moments: known.filter((seconds) => seconds <= upToSeconds).length,
    })),
    moments: known.length,
    sumSeconds: known.reduce((sum, seconds) => sum + seconds, 0),
  };
}

/** The bucket that has the quantile. */
function bucketOf(share: number, { buckets, moments }: MomentHistogram): number {
  const index = buckets.findIndex((bucket) => bucket.moments >= share * moments);
  return index < 0 ? buckets.length : index;
}

describe('the time to idle', () => {
  it('is what sampling each second of a simulated farm gives', () => {
    fc.assert(
      fc.property(phases, (played) => {
        expect(play(played).end).toEqual(counted(truth(played)));
      }),
    );
  });

  it('has its quantiles within one bucket of the truth', () => {
    fc.assert(
      fc.property(phases, (played) => {
        const left = truth(played).filter((seconds) => seconds !== null);
        const sorted = left.sort((one, other) => one - other);
        const { end } = play(played);
        for (const share of [0.5, 0.9, 0.99]) {
          const exact = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
          const bound = bucketSeconds.findIndex((upTo) => exact <= upTo);
          const right = bound < 0 ? bucketSeconds.length : bound;
          expect(Math.abs(bucketOf(share, end) - right)).toBeLessThanOrEqual(1);
        }
      }),
    );
  });

  const seconds = fc.array(fc.integer({ min: 0, max: 50_000 }), { maxLength: 20 });

  it.each([false, true])(
    'never falls at a scrape, and ends right (while draining: %s)',
    (draining) => {
      fc.assert(
        fc.property(phases, seconds, (played, readAt) => {
          // In pauses, too, before it is known whether they end a stretch.
          const ends = played.map((_, index) => {
            const before = played.slice(0, index + 1).map(([, length]) => length);
            return before.reduce((sum, length) => sum + length) + 3;
          });
          const { readings, end } = play(played, [...readAt, ...ends], draining);
          const rows = [...readings, end].map(({ buckets, moments, sumSeconds }) => {
            const counts = [...buckets.map((bucket) => bucket.moments), moments];
            expect(counts).toEqual([...counts].sort((one, other) => one - other));
            return [...counts, sumSeconds];
          });
          for (const [index, row] of rows.entries()) {
            expect(row.every((value, at) => value >= (rows[index - 1]?.[at] ?? 0))).toBe(true);
          }
          expect(end).toEqual(counted(truth(played)));
        }),
      );
    },
  );

  it('never looks shorter at a scrape than it turns out to be', () => {
    fc.assert(
      fc.property(phases, seconds, (played, readAt) => {
        const left = truth(played);
        const { readings } = play(played, readAt);
        const until = [...readAt].sort((one, other) => one - other).slice(0, readings.length);
        for (const [index, { buckets, moments }] of readings.entries()) {
          const known = counted(left.slice(0, until[index]));
          expect(moments).toBe(known.moments);
          for (const [at, bucket] of buckets.entries()) {
            expect(bucket.moments).toBeLessThanOrEqual(known.buckets[at]?.moments ?? 0);
          }
        }
      }),
    );
  });

  it('has a stretch that is not over above all buckets, and in a drain as if it were over', () => {
    const histogram = createTimeToIdle(quietSeconds * 1000);
    histogram.update('busy', 0);
    const open = histogram.read(100_000, false);
    expect([open.moments, bucketOf(0.01, open)]).toEqual([100, bucketSeconds.length]);
    const draining = histogram.read(100_000, true);
    expect(draining.buckets.map(({ moments }) => moments).slice(0, 5)).toEqual([
      0, 30, 60, 100, 100,
    ]);
    // What a drain has counted stays.
    expect(histogram.read(100_000, false)).toEqual(draining);
  });
});
