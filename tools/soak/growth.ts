export interface Point {
  readonly atMs: number;
  readonly value: number;
}

/** A figure of one process over time. */
export interface Series {
  readonly name: string;
  readonly points: readonly Point[];
  /** So much more is no growth: what the figure does by itself. */
  readonly tolerance: number;
  /** The shortest time that allows a verdict. */
  readonly leastMs: number;
}

export interface Growth {
  readonly name: string;
  readonly samples: number;
  readonly secondQuarter: number;
  readonly lastQuarter: number;
  /** Of the straight line through what came after the first quarter, with its standard error. */
  readonly slopePerHour: number;
  readonly slopeError: number;
  readonly verdict: 'steady' | 'growing' | 'too short';
}

const blocks = 12;
const leastPoints = 4;
const errorsBeyondDoubt = 3;
const hourMs = 3_600_000;

/**
 * Whether a figure grows without end. The first quarter is left out, in which a process finds its
 * size. Of what follows, twelve blocks' medians make a line: single values hang together, so that an
 * error from all of them would be too small. It grows if the line rises by more than three errors, and
 * if the last quarter's median is above that of the second one by more than the tolerance.
 */
export function growthOf(series: Series): Growth {
  const { name, points, tolerance, leastMs } = series;
  const quarter = Math.floor(points.length / 4);
  const later = points.slice(quarter);
  const secondQuarter = median(points.slice(quarter, 2 * quarter).map(({ value }) => value));
  const lastQuarter = median(points.slice(-quarter).map(({ value }) => value));
  const { slope, error } = lineThrough(blockMedians(later));
  const lengthMs = (points.at(-1)?.atMs ?? 0) - (points[0]?.atMs ?? 0);
  const rises = slope - errorsBeyondDoubt * error > 0;
  const grows = rises && lastQuarter - secondQuarter > tolerance;
  return {
    name,
    samples: points.length,
    secondQuarter,
    lastQuarter,
    slopePerHour: slope * hourMs,
    slopeError: error * hourMs,
    verdict:
      lengthMs < leastMs || points.length < leastPoints
        ? 'too short'
        : grows
          ? 'growing'
          : 'steady',
  };
}

function blockMedians(points: readonly Point[]): Point[] {
  const size = Math.max(1, Math.floor(points.length / blocks));
  const starts = Array.from({ length: Math.floor(points.length / size) }, (_, n) => n * size);
  return starts.map((start) => {
    const block = points.slice(start, start + size);
    return {
      atMs: median(block.map(({ atMs }) => atMs)),
      value: median(block.map(({ value }) => value)),
    };
  });
}

/** By least squares. */
function lineThrough(points: readonly Point[]): { readonly slope: number; readonly error: number } {
  const count = points.length;
  const meanAt = mean(points.map(({ atMs }) => atMs));
  const meanValue = mean(points.map(({ value }) => value));
  const spread = sum(points.map(({ atMs }) => (atMs - meanAt) ** 2));
  if (count < 3 || spread === 0) {
    return { slope: 0, error: 0 };
  }
  const slope =
    sum(points.map(({ atMs, value }) => (atMs - meanAt) * (value - meanValue))) / spread;
  const rest = sum(
    points.map(({ atMs, value }) => (value - meanValue - slope * (atMs - meanAt)) ** 2),
  );
  return { slope, error: Math.sqrt(rest / (count - 2) / spread) };
}

/** NaN of nothing. */
function median(values: readonly number[]): number {
  return quantileOf(values, 0.5);
}

/** The nearest of the values; NaN of nothing. */
export function quantileOf(values: readonly number[], fraction: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.round((sorted.length - 1) * fraction)] ?? Number.NaN;
}

function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
