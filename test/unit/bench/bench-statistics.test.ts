import { describe, expect, it } from 'vitest';
import { figureOf, pairedRatio, ratioOfFigures, spreadOf } from '../../../bench/cost/statistics.ts';

describe('figureOf', () => {
  it.each([
    [[5], 5, 5, 5],
    [[3, 1], 1.5, 2, 2.5],
    [[9, 1, 5], 3, 5, 7],
    [[4, 1, 3, 2, 5], 2, 3, 4],
    [[1, 1, 1, 1000], 1, 1, 250.75],
  ])('has the median and the quartiles of %j', (values, low, median, high) => {
    expect(figureOf(values)).toEqual({ low, median, high, values });
  });

  it('keeps the values in the order in which they were measured, to six digits', () => {
    expect(figureOf([2.123456789, 1]).values).toEqual([2.12346, 1]);
  });

  it('is not to be had of nothing', () => {
    expect(() => figureOf([])).toThrow(RangeError);
  });
});

describe('pairedRatio', () => {
  it('is the median of the ratios, in which a drift of both cancels', () => {
    expect(pairedRatio([2, 20, 200], [1, 10, 100])).toMatchObject({ low: 2, median: 2, high: 2 });
  });

  it('leaves out what has nothing to be compared with', () => {
    expect(pairedRatio([2, 5, 7], [1, 0])?.values).toEqual([2]);
    expect(pairedRatio([2, 5], [0, 0])).toBeNull();
  });
});

describe('ratioOfFigures', () => {
  it('has the range of the worst case', () => {
    const one = { low: 8, median: 10, high: 12, values: [] };
    const other = { low: 4, median: 5, high: 6, values: [] };
    expect(ratioOfFigures(one, other)).toEqual({ median: 2, low: 8 / 6, high: 3 });
  });
});

describe('spreadOf', () => {
  it('is half of the range between the quartiles, as a fraction of the median', () => {
    expect(spreadOf({ low: 9, median: 10, high: 12 })).toBeCloseTo(0.15);
    expect(spreadOf({ low: 0, median: 0, high: 0 })).toBe(0);
  });
});
