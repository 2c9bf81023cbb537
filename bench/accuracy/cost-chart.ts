import { xmlText } from '../render/dot-plot.ts';

/** The detectors of one method: what each costs, and how wrong its count is. */
export interface CostSeries {
  readonly name: string;
  /** The index of its colour. */
  readonly index: number;
  readonly points: readonly CostPoint[];
}

interface CostPoint {
  readonly label: string;
  readonly cpuPercent: number;
  readonly countError: number;
}

const width = 440;
const height = 400;
const left = 56;
const right = 26;
const top = 16;
const bottom = 60;

interface Scale {
  readonly at: (value: number) => number;
  readonly decades: readonly number[];
}

/** Draws both on logarithmic scales: better is further left and lower. */
export function drawCosts(title: string, series: readonly CostSeries[]): string {
  const points = series.flatMap((each) => each.points);
  const x = scaleOf(
    points.map(({ cpuPercent }) => cpuPercent),
    left,
    width - right,
  );
  const y = scaleOf(
    points.map(({ countError }) => countError),
    height - bottom,
    top,
  );
  const descriptions = series.flatMap(({ name, points: own }) =>
    own.map(
      (each) =>
        `${name}, every ${each.label}: ${text(each.countError)} at ${text(each.cpuPercent)} % CPU`,
    ),
  );
  return [
    `<svg class="panel" role="img" viewBox="0 0 ${width} ${height}">`,
    `<title>${xmlText(title)}</title><desc>${xmlText(descriptions.join('; '))}</desc>`,
    ...x.decades.map(
      (value) =>
        `<line class="grid" x1="${at(x.at(value))}" x2="${at(x.at(value))}" y1="${top}" y2="${height - bottom}"/>` +
        `<text class="tick" x="${at(x.at(value))}" y="${height - bottom + 22}" text-anchor="middle">${text(value)} %</text>`,
    ),
    ...y.decades.map(
      (value) =>
        `<line class="grid" x1="${left}" x2="${width - right}" y1="${at(y.at(value))}" y2="${at(y.at(value))}"/>` +
        `<text class="tick" x="${left - 8}" y="${at(y.at(value) + 5)}" text-anchor="end">${text(value)}</text>`,
    ),
    `<text class="tick" x="${(left + width - right) / 2}" y="${height - 12}" text-anchor="middle">CPU of one core while busy</text>`,
    ...series.map((each) => drawSeries(each, x, y)),
    ...placeLabels(
      points.map(({ label, cpuPercent, countError }) => ({
        ...{ text: label, x: x.at(cpuPercent), y: y.at(countError) },
      })),
    ).map(
      (label) =>
        `<text class="mark" x="${at(label.x)}" y="${at(label.y)}" text-anchor="${label.anchor}">${xmlText(label.text)}</text>`,
    ),
    '</svg>',
  ].join('\n');
}

function scaleOf(values: readonly number[], from: number, to: number): Scale {
  const least = Math.floor(Math.log10(Math.min(...values)));
  const most = Math.max(Math.ceil(Math.log10(Math.max(...values))), least + 1);
  return {
    at: (value) => from + ((Math.log10(value) - least) / (most - least)) * (to - from),
    decades: Array.from({ length: most - least + 1 }, (_, index) => 10 ** (least + index)),
  };
}

function drawSeries({ name, index, points }: CostSeries, x: Scale, y: Scale): string {
  const line = points.map(
    ({ cpuPercent, countError }) => `${at(x.at(cpuPercent))},${at(y.at(countError))}`,
  );
  const dots = points.map(({ label, cpuPercent, countError }) => {
    const about = `${name}, every ${label}: ${text(countError)} at ${text(cpuPercent)} % CPU`;
    const [cx, cy] = [at(x.at(cpuPercent)), at(y.at(countError))];
    return `<circle class="dot s${index}" cx="${cx}" cy="${cy}" r="6"><title>${xmlText(about)}</title></circle>`;
  });
  return [`<polyline class="theory s${index}" points="${line.join(' ')}"/>`, ...dots].join('\n');
}

function text(value: number): string {
  return String(Number(value.toPrecision(2)));
}

function at(value: number): string {
  return value.toFixed(1);
}

/** The text next to a dot. */
export interface Label {
  readonly text: string;
  readonly x: number;
  readonly y: number;
  readonly anchor: 'start' | 'end';
}

interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

interface Dot {
  readonly text: string;
  readonly x: number;
  readonly y: number;
}

const letterWidth = 7.2;
const letterHeight = 13;
const radius = 6;
const places = [
  { anchor: 'start', dx: 8, dy: -6 },
  { anchor: 'end', dx: -8, dy: 14 },
  { anchor: 'start', dx: 8, dy: 14 },
  { anchor: 'end', dx: -8, dy: -6 },
] as const;

/** Places each text so that it covers neither a dot nor another text, if possible. */
export function placeLabels(dots: readonly Dot[]): Label[] {
  const taken: Box[] = dots.map(({ x, y }) => ({
    ...{ left: x - radius, right: x + radius, top: y - radius, bottom: y + radius },
  }));
  return dots.map(({ text, x, y }) => {
    const positions = places.map(({ anchor, dx, dy }) => ({ text, anchor, x: x + dx, y: y + dy }));
    const free = positions.find((label) => !taken.some((box) => overlap(box, boxOf(label))));
    const label = free ?? (positions[0] as Label);
    taken.push(boxOf(label));
    return label;
  });
}

function boxOf({ text, x, y, anchor }: Label): Box {
  const width = text.length * letterWidth;
  const left = anchor === 'start' ? x : x - width;
  return { left, right: left + width, top: y - letterHeight, bottom: y + 2 };
}

function overlap(one: Box, other: Box): boolean {
  return (
    one.left < other.right &&
    other.left < one.right &&
    one.top < other.bottom &&
    other.top < one.bottom
  );
}
