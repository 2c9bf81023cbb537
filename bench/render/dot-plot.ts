/** A row of a dot plot: two values of one thing, the first of which may be unknown. */
interface DotRow {
  readonly name: string;
  /** A muted text after the name. */
  readonly aside: string;
  readonly hollow: number | null;
  readonly filled: number;
}

export interface DotPlot {
  readonly title: string;
  /** What the two kinds of dot mean; null without hollow dots. */
  readonly hollowMeaning: string | null;
  readonly filledMeaning: string;
  readonly rows: readonly DotRow[];
  readonly text: (value: number) => string;
}

/** For light and dark, as the reader prefers. */
export const chartStyle = `
:root { --paper: #ffffff; --ink: #1f2328; --muted: #59636e; --grid: #d1d9e0; --dot: #0969da }
@media (prefers-color-scheme: dark) {
  :root { --paper: #0d1117; --ink: #f0f6fc; --muted: #9198a1; --grid: #3d444d; --dot: #4493f8 }
}
text { font-family: system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: var(--ink) }
.title { font-size: 24px; font-weight: 700 }
.name { font-size: 20px; font-weight: 600 }
.value { font-size: 18px }
.muted { font-size: 18px; font-weight: 400; fill: var(--muted) }
.small { font-size: 16px; fill: var(--muted) }
.grid { stroke: var(--grid); stroke-width: 1 }
.link { stroke: var(--dot); stroke-width: 3 }
.filled { fill: var(--dot); stroke: var(--dot); stroke-width: 3 }
.hollow { fill: var(--paper); stroke: var(--dot); stroke-width: 3 }
`;

export interface Drawn {
  readonly svg: string;
  readonly height: number;
}

export const width = 640;
const edge = 24;
// Room for the values next to the outermost dots.
const inset = 104;
const headHeight = 96;
const rowHeight = 62;
const axisHeight = 44;
const dotRadius = 7;

/** Draws a dot plot with a logarithmic scale, from `top` down. */
export function drawDotPlot(plot: DotPlot, top: number): Drawn {
  const scale = scaleOf(plot.rows);
  const rowsTop = top + headHeight;
  const bottom = rowsTop + plot.rows.length * rowHeight;
  const svg = [
    head(plot, top),
    ...scale.decades.map((value) =>
      gridLine(scale.x(value), rowsTop, bottom, shortest(plot.text(value))),
    ),
    ...plot.rows.map((row, index) => drawRow(row, rowsTop + index * rowHeight, scale, plot.text)),
  ].join('');
  return { svg, height: headHeight + plot.rows.length * rowHeight + axisHeight };
}

interface Scale {
  readonly x: (value: number) => number;
  /** The powers of ten that the scale spans. */
  readonly decades: readonly number[];
}

function scaleOf(rows: readonly DotRow[]): Scale {
  const values = rows.flatMap(({ hollow, filled }) => [hollow ?? filled, filled]);
  const positive = values.filter((value) => value > 0);
  const least = Math.floor(Math.log10(Math.min(...positive)));
  const most = Math.max(Math.ceil(Math.log10(Math.max(...positive))), least + 1);
  const span = width - 2 * inset;
  return {
    x: (value) =>
      inset + ((Math.log10(Math.max(value, 10 ** least)) - least) / (most - least)) * span,
    decades: Array.from({ length: most - least + 1 }, (_, index) => 10 ** (least + index)),
  };
}

function head({ title, hollowMeaning, filledMeaning }: DotPlot, top: number): string {
  const meanings = [
    ...(hollowMeaning === null ? [] : [{ kind: 'hollow', meaning: hollowMeaning }]),
    { kind: 'filled', meaning: filledMeaning },
  ];
  const lines = meanings.map(({ kind, meaning }, index) => {
    const y = top + 60 + index * 24;
    return dot(kind, edge + dotRadius, y - 5) + text(edge + 24, y, 'muted', meaning);
  });
  return text(edge, top + 30, 'title', title) + lines.join('');
}

/** `1.00 ms` becomes `1 ms`: the lines of the scale are exact. */
function shortest(label: string): string {
  return label.replace(/(\.\d*?)0+ /, '$1 ').replace('. ', ' ');
}

function gridLine(x: number, top: number, bottom: number, label: string): string {
  const at = x.toFixed(1);
  return (
    `<line class="grid" x1="${at}" x2="${at}" y1="${top + 8}" y2="${bottom}"/>` +
    text(x, bottom + 20, 'small', label, 'middle')
  );
}

function drawRow(
  { name, aside, hollow, filled }: DotRow,
  top: number,
  { x }: Scale,
  textOf: (value: number) => string,
): string {
  const y = top + 46;
  const to = x(filled);
  const from = hollow === null ? to : x(hollow);
  const [left, right] = from <= to ? [from, to] : [to, from];
  const gap = dotRadius + 7;
  const label = `<text class="name" x="${edge}" y="${top + 26}">${xmlText(name)}<tspan class="muted" dx="10">${xmlText(aside)}</tspan></text>`;
  const values =
    hollow === null
      ? text(right + gap, y + 6, 'value', textOf(filled))
      : text(left - gap, y + 6, 'value', textOf(Math.min(hollow, filled)), 'end') +
        text(right + gap, y + 6, 'value', textOf(Math.max(hollow, filled)));
  return [
    label,
    `<line class="link" x1="${left.toFixed(1)}" x2="${right.toFixed(1)}" y1="${y}" y2="${y}"/>`,
    hollow === null ? '' : dot('hollow', from, y),
    dot('filled', to, y),
    values,
  ].join('');
}

function dot(kind: string, x: number, y: number): string {
  return `<circle class="${kind}" cx="${x.toFixed(1)}" cy="${y}" r="${dotRadius}"/>`;
}

export function text(
  x: number,
  y: number,
  kind: string,
  content: string,
  anchor: 'start' | 'middle' | 'end' = 'start',
): string {
  const anchored = anchor === 'start' ? '' : ` text-anchor="${anchor}"`;
  return `<text class="${kind}" x="${x.toFixed(1)}" y="${y}"${anchored}>${xmlText(content)}</text>\n`;
}

export function xmlText(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
