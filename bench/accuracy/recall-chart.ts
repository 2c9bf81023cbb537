import { xmlText } from '../render/dot-plot.ts';
import type { LifetimeScore } from './types.ts';
import { intervalText } from './views.ts';

/** What one method saw at each of its intervals, by the lifetime of the connections. */
export interface RecallPanel {
  readonly title: string;
  readonly scores: readonly LifetimeScore[];
  /** All lifetimes of the run, in order. */
  readonly lifetimes: readonly string[];
  /** All intervals of the run, so that an interval has the same colour in each panel. */
  readonly intervalsMs: readonly number[];
}

const width = 420;
const height = 310;
const left = 56;
const right = 14;
const top = 14;
const bottom = 72;
// This many lifetimes fit side by side; if there are more, every other one is set lower.
const mostInARow = 6;
const dotStep = 4;

interface Scales {
  readonly x: (lifetime: string) => number;
  readonly y: (share: number) => number;
}

/** Draws the measured shares as dots, and the expected ones as a line. */
export function drawRecall({ title, scores, lifetimes, intervalsMs }: RecallPanel): string {
  const step = (width - left - right) / Math.max(1, lifetimes.length);
  const scales: Scales = {
    x: (lifetime) => left + (lifetimes.indexOf(lifetime) + 0.5) * step,
    y: (share) => top + (1 - share) * (height - top - bottom),
  };
  // Side by side, so that none hides the others where all are at 100 %.
  const aside = (index: number): number => (index - (intervalsMs.length - 1) / 2) * dotStep;
  const series = intervalsMs.map((intervalMs, index) =>
    drawSeries(
      scores.filter((score) => score.intervalMs === intervalMs),
      index,
      { ...scales, x: (lifetime) => scales.x(lifetime) + aside(index) },
    ),
  );
  const descriptions = scores.map(
    ({ intervalMs, lifetime, recall }) =>
      `every ${intervalText(intervalMs)}, ${lifetime}: ${recall?.toFixed(3) ?? 'none'}`,
  );
  const isLong = lifetimes.length > mostInARow;
  return [
    `<svg class="panel" role="img" viewBox="0 0 ${width} ${height}">`,
    `<title>${xmlText(title)}</title><desc>${xmlText(descriptions.join('; '))}</desc>`,
    ...[0, 0.25, 0.5, 0.75, 1].map((share) => gridLine(scales.y(share), `${share * 100} %`)),
    ...lifetimes.map((name, index) =>
      tick(scales.x(name), height - bottom + (isLong && index % 2 === 1 ? 38 : 20), name),
    ),
    tick((left + width - right) / 2, height - 10, 'lifetime of the connections'),
    ...series,
    '</svg>',
  ].join('\n');
}

function gridLine(y: number, label: string): string {
  const at = y.toFixed(1);
  return (
    `<line class="grid" x1="${left}" x2="${width - right}" y1="${at}" y2="${at}"/>` +
    `<text class="tick" x="${left - 8}" y="${(y + 5).toFixed(1)}" text-anchor="end">${label}</text>`
  );
}

function tick(x: number, y: number, name: string): string {
  return `<text class="tick" x="${x.toFixed(1)}" y="${y}" text-anchor="middle">${xmlText(name)}</text>`;
}

function drawSeries(scores: readonly LifetimeScore[], index: number, { x, y }: Scales): string {
  const measured = scores
    .filter(({ recall }) => recall !== null)
    .toSorted((one, other) => x(one.lifetime) - x(other.lifetime));
  const line = measured
    .filter((score) => isFixed(score) && score.expectedRecall !== null)
    .map(({ lifetime, expectedRecall }) => `${at(x(lifetime))},${at(y(expectedRecall ?? 0))}`);
  // A line between a fixed lifetime and a mix would mean nothing.
  const dashes = measured
    .filter((score) => !isFixed(score) && score.expectedRecall !== null)
    .map(({ lifetime, expectedRecall }) => {
      const height = at(y(expectedRecall ?? 0));
      return `<line class="theory s${index}" x1="${at(x(lifetime) - 12)}" x2="${at(x(lifetime) + 12)}" y1="${height}" y2="${height}"/>`;
    });
  const dots = measured.map(({ lifetime, recall, seen, connections, intervalMs }) => {
    const about = `every ${intervalText(intervalMs)}, ${lifetime}: ${seen} of ${connections} seen`;
    return `<circle class="dot s${index}" cx="${at(x(lifetime))}" cy="${at(y(recall ?? 0))}" r="5.5"><title>${xmlText(about)}</title></circle>`;
  });
  return [
    `<polyline class="theory s${index}" points="${line.join(' ')}"/>`,
    ...dashes,
    ...dots,
  ].join('\n');
}

function isFixed({ lifetime }: LifetimeScore): boolean {
  return /^\d/.test(lifetime);
}

function at(value: number): string {
  return value.toFixed(1);
}
