import { expect, it } from 'vitest';
import { createRandom, type Random } from '../../bench/accuracy/workload.ts';
import { collectedHeap } from './footprint.ts';
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

it('gives no verdict on a time too short', () => {
  const { points, ...others } = heap(createRandom(4), (at) => 9000 * at);
  expect(growthOf({ ...others, points: points.slice(0, 190) }).verdict).toBe('too short');
});

it('reads what was left of the heap from the notes of it', () => {
  const notes = ['{"atMs":201052.5,"value":3994.25}', '{"atMs":875543,"value":4608}', ''];
  expect(collectedHeap(notes).points).toEqual([
    { atMs: 201_052.5, value: 3994.25 },
    { atMs: 875_543, value: 4608 },
  ]);
});
