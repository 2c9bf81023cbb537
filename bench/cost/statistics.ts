import type { Figure } from './types.ts';

/** @param values at least one. */
export function figureOf(values: readonly number[]): Figure {
  return {
    median: quantile(values, 0.5),
    low: quantile(values, 0.25),
    high: quantile(values, 0.75),
    values: values.map(rounded),
  };
}

/** The figure of a/b, for values that were measured in pairs; null if every b is 0. */
export function pairedRatio(
  dividends: readonly number[],
  divisors: readonly number[],
): Figure | null {
  const ratios = dividends.flatMap((value, index) => {
    const divisor = divisors[index];
    return divisor === undefined || divisor === 0 ? [] : [value / divisor];
  });
  return ratios.length === 0 ? null : figureOf(ratios);
}

/** The ratio of two figures that were not measured in pairs: its range is that of the worst case. */
export function ratioOfFigures(dividend: Figure, divisor: Figure): Omit<Figure, 'values'> {
  return {
    median: dividend.median / divisor.median,
    low: dividend.low / divisor.high,
    high: dividend.high / divisor.low,
  };
}

/** Half of the range between the quartiles, as a fraction of the median. */
export function spreadOf({ median, low, high }: Omit<Figure, 'values'>): number {
  return median === 0 ? 0 : (high - low) / 2 / median;
}

/** Interpolated between the two nearest values. */
function quantile(values: readonly number[], fraction: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  const position = (sorted.length - 1) * fraction;
  const below = sorted[Math.floor(position)];
  const above = sorted[Math.ceil(position)];
  if (below === undefined || above === undefined) {
    throw new RangeError('Expected at least one value but received none');
  }
  return rounded(below + (above - below) * (position - Math.floor(position)));
}

// More digits would not make the results more precise.
function rounded(value: number): number {
  return Number(value.toPrecision(6));
}
