import { expect, it } from 'vitest';
import { createRandom, type Random } from '../../src/bench/accuracy/random.ts';
import { heapAfterCollections } from './footprint.ts';
import { growthOf } from './growth.ts';

const everyMs = 3000;
const tolerance = 1024;
const leastMs = 600_000;

/** An hour's samples of a heap in kB: it fills up, is collected, and some garbage is always there. */
function heap(random: Random, rise: (at: number) => number) {
  const points = Array.from({ length: 1200 }, (_, n) => ({
    atMs: n * everyMs,
    value: 12_000 + (n % 37) * 60 + random() * 500 + rise(n / 1200),
  }));
  return { name: 'heap', points, tolerance, leastMs };
}

it('takes a heap that fills up and is collected for steady', () => {
  const random = createRandom(1);
  const verdicts = Array.from({ length: 50 }, () => growthOf(heap(random, () => 0)).verdict);
  expect(new Set(verdicts)).toEqual(new Set(['steady']));
});

it('takes a process that finds its size in the first quarter for steady', () => {
  const series = heap(createRandom(2), (at) => 8000 * Math.min(1, at * 4));
  expect(growthOf(series)).toMatchObject({ verdict: 'steady' });
});

it('takes 4 MB an hour for growth, under a heap that fills up and is collected', () => {
  const growth = growthOf(heap(createRandom(3), (at) => 4000 * at));
  expect(growth).toMatchObject({ verdict: 'growing' });
  expect(growth.slopePerHour).toBeGreaterThan(3500);
  expect(growth.slopePerHour).toBeLessThan(4500);
});

it('takes one more descriptor now and then for growth', () => {
  const points = Array.from({ length: 1200 }, (_, n) => ({
    atMs: n * everyMs,
    value: 20 + Math.floor(n / 300),
  }));
  expect(growthOf({ name: 'descriptors', points, tolerance: 0, leastMs })).toMatchObject({
    verdict: 'growing',
  });
});

it('says nothing of a time too short', () => {
  const { points, ...others } = heap(createRandom(4), (at) => 9000 * at);
  expect(growthOf({ ...others, points: points.slice(0, 190) }).verdict).toBe('too short to tell');
});

it('reads the heap after each whole collection from what Node.js prints', () => {
  const printed = [
    '[38:0x425147d0]   201052 ms: Mark-Compact (reduce) 6.2 (6.9) -> 3.9 (6.9) MB, 2.78 / 0.00 ms',
    '[38:0x425147d0]   341225 ms: Scavenge 6.2 (6.6) -> 5.4 (6.6) MB, 0.29 / 0.00 ms',
    '[40:0x224f8b40]   875543 ms: Mark-Compact 8.0 (9.3) -> 4.5 (9.3) MB, 5.05 / 0.00 ms',
  ];
  expect(heapAfterCollections(printed).points).toEqual([
    { atMs: 201_052, value: 3994 },
    { atMs: 875_543, value: 4608 },
  ]);
});
