import { chartStyle, xmlText } from '../dot-plot.ts';
import { pageStyle } from './page-style.ts';
import { drawPrices, type PriceSeries } from './price-chart.ts';
import { drawRecall } from './recall-chart.ts';
import { accuracyHeadline, accuracySections } from './report.ts';
import type { AccuracyResults, Detector, Transport } from './types.ts';
import { verdictTable } from './verdict-table.ts';
import {
  detectorsOf,
  intervalText,
  lifetimesOf,
  meansTitle,
  overallOf,
  scoresOf,
} from './views.ts';
import { restName } from './workload.ts';

/** The report as one page that loads nothing, for light and dark, wide and narrow. */
export function renderHtml(results: AccuracyResults): string {
  const sections = accuracySections(results);
  const [short, ...others] = sections;
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">',
    '<title>How well connections are seen</title>',
    `<style>${chartStyle}${pageStyle}</style></head>`,
    '<body><main>',
    '<h1>How well connections are seen</h1>',
    `<p class="lead">${xmlText(accuracyHeadline(results))}</p>`,
    introduction,
    short === undefined ? '' : htmlSection(short.title, short.note, htmlTable(short.table)),
    htmlSection('Which connections were seen', seenText, legend(results) + recallPanels(results)),
    prices(results),
    htmlSection('What a wait would have concluded', verdictText, verdictTable(results)),
    '<h2>All figures</h2>',
    ...others.map(({ title, note, table }) => htmlDetails(title, note, htmlTable(table))),
    '</main></body></html>',
    '',
  ].join('\n');
}

const introduction = `<p>A program that has to know when nobody is connected to a server any more looks
again and again: it polls. What lives and dies between two looks it does not see, and what it knows is
as old as its last look. Here connections were made whose begin and end are known to fractions of a
millisecond, and several ways to look watched them at the same time. A <em>detector</em> is one way
of looking at one interval.</p>`;

const seenText = `Each dot is a measurement: the share of all connections of one lifetime that was seen at
least once. Each line is what theory expects: a look every T sees a connection of lifetime L with the
probability L/T, or surely if it lives longer. Dots on their line mean that the instrument measures
right. The tracked set with events is told by the kernel of every TCP connection that ends, so that it
should see all. The netstat pipeline lies below its line: it reads the processes first and the table of
connections a moment later, and counts only what the daemon had accepted before the one and still had at
the other.`;

const priceText = `What a detector believes is as old as its last look. Upwards: the mean difference between
the number of connections that it believed in and the true one, over all lifetimes. To the right: what
it cost, the whole process of the detector included; of a command, its processes alone. Left and down is
better; each line of a scale is ten times the one before. A dot is a detector, and beside it stands its
interval.`;

const verdictText = `The same rule as that of <code>buildkit-drain wait</code>, applied to what each
detector saw, with every connection taken for a client: a wait ends when nobody was seen for a whole
quiet period. <b>Early</b> ends while
somebody is connected, and would cut a build off. <b>Hasty</b> ends with nobody connected, but somebody
had come and gone unseen in the quiet period. <b>Late</b> is the time after the earliest right moment.`;

function htmlSection(title: string, note: string, content: string): string {
  return `<section><h2>${xmlText(title)}</h2><p>${note}</p>${content}</section>`;
}

function htmlDetails(title: string, note: string, content: string): string {
  return `<details><summary>${xmlText(title)}</summary><p>${xmlText(note)}</p>${content}</details>`;
}

function htmlTable(table: readonly (readonly string[])[]): string {
  const [titles = [], ...rows] = table;
  const row = (cells: readonly string[], tag: string): string =>
    `<tr>${cells.map((cell) => `<${tag}>${codeText(cell)}</${tag}>`).join('')}</tr>`;
  return `<div class="scroll"><table><thead>${row(titles, 'th')}</thead><tbody>${rows.map((cells) => row(cells, 'td')).join('\n')}</tbody></table></div>`;
}

function codeText(cell: string): string {
  return xmlText(cell).replace(/`([^`]*)`/g, '<code>$1</code>');
}

function legend({ plan }: AccuracyResults): string {
  const items = plan.intervalsMs.map(
    (intervalMs, index) => `<li>${mark(index)} every ${intervalText(intervalMs)}</li>`,
  );
  return `<ul class="legend">${items.join('')}</ul>`;
}

const transportTitles: Readonly<Record<Transport, string>> = {
  tcp: 'TCP',
  unix: 'unix socket',
};

function recallPanels(results: AccuracyResults): string {
  const detectors = detectorsOf(results);
  const names = [...new Set(detectors.map(({ means, transport }) => `${transport} ${means}`))];
  const panels = names.map((name) => {
    const own = detectors.filter(({ means, transport }) => `${transport} ${means}` === name);
    const title = titleOf(own[0]);
    const drawn = drawRecall({
      title,
      scores: own
        .flatMap((detector) => scoresOf(results, detector))
        .filter(({ lifetime }) => lifetime !== restName),
      lifetimes: lifetimesOf(results),
      intervalsMs: results.plan.intervalsMs,
    });
    return `<figure><figcaption>${xmlText(title)}</figcaption>${drawn}</figure>`;
  });
  return `<div class="panels">${panels.join('')}</div>`;
}

function titleOf(detector: Detector | undefined): string {
  return detector === undefined
    ? ''
    : `${meansTitle(detector.means)} · ${transportTitles[detector.transport]}`;
}

function prices(results: AccuracyResults): string {
  const shown = (['tcp', 'unix'] as const).flatMap((transport) => {
    const series = seriesOf(results, transport);
    const title = transportTitles[transport];
    return series.length === 0
      ? []
      : [
          `<figure><figcaption>${title}</figcaption>${drawPrices(title, series)}${meansLegend(series)}</figure>`,
        ];
  });
  return shown.length === 0
    ? ''
    : htmlSection(
        'What it costs to be right',
        priceText,
        `<div class="pair">${shown.join('')}</div>`,
      );
}

function seriesOf(results: AccuracyResults, transport: Transport): PriceSeries[] {
  const detectors = detectorsOf(results).filter((each) => each.transport === transport);
  const names = [...new Set(detectors.map(({ means }) => means))];
  const series = names.map((means) => ({
    name: meansTitle(means),
    index: results.plan.means.indexOf(means),
    points: detectors
      .filter((detector) => detector.means === means)
      .flatMap((detector) => {
        const { busyCpuPercent, countError } = overallOf(results, detector);
        return busyCpuPercent && countError
          ? [{ label: intervalText(detector.intervalMs), cpuPercent: busyCpuPercent, countError }]
          : [];
      }),
  }));
  return series.filter(({ points }) => points.length > 0);
}

function meansLegend(series: readonly PriceSeries[]): string {
  return `<ul class="legend">${series.map(({ name, index }) => `<li>${mark(index)} ${xmlText(name)}</li>`).join('')}</ul>`;
}

function mark(index: number): string {
  return `<svg viewBox="0 0 34 12" width="34" height="12" aria-hidden="true"><line class="theory s${index}" x1="0" x2="34" y1="6" y2="6"/><circle class="dot s${index}" cx="17" cy="6" r="5"/></svg>`;
}
