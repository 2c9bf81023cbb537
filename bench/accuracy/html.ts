import { chartStyle, xmlText } from '../render/dot-plot.ts';
import { type CostSeries, drawCosts } from './cost-chart.ts';
import { drawRecall } from './recall-chart.ts';
import { accuracyHeadline, accuracySections, msText } from './report.ts';
import type { AccuracyResults, Detector, Transport, VerdictScore } from './types.ts';
import {
  detectorsOf,
  intervalText,
  lifetimesOf,
  methodTitle,
  overallOf,
  scoresOf,
  verdictsOf,
} from './views.ts';
import { durationName, restName } from './workload.ts';

/** The report as one page that loads nothing, for light and dark schemes, wide and narrow screens. */
export function renderHtml(results: AccuracyResults): string {
  const sections = accuracySections(results);
  const [short, ...others] = sections;
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">',
    '<title>Accuracy of connection counting</title>',
    `<style>${chartStyle}${pageStyle}</style></head>`,
    '<body><main>',
    '<h1>Accuracy of connection counting</h1>',
    `<p class="lead">${xmlText(accuracyHeadline(results))}</p>`,
    introduction,
    short === undefined ? '' : htmlSection(short.title, short.note, htmlTable(short.table)),
    htmlSection('Connections seen', seenText, legend(results) + recallPanels(results)),
    costs(results),
    htmlSection('Verdicts of a wait', verdictText, verdictTable(results)),
    '<h2>All figures</h2>',
    ...others.map(({ title, note, table }) => htmlDetails(title, note, htmlTable(table))),
    '</main></body></html>',
    '',
  ].join('\n');
}

const introduction = `<p>A program that must know when a server has no clients left has to poll. It misses what comes and goes
between two polls, and what it knows is as old as its last poll. For this report connections were opened
whose start and end are known to fractions of a millisecond, and several methods detected them at the same
time. A <em>detector</em> is one method at one interval.</p>`;

const seenText = `Each dot is a measurement: the share of all connections of one lifetime that was detected at least
once. Each line is what theory expects: a poll every T detects a connection of lifetime L with the
probability L/T, and always if it lives longer. Dots on their line mean that the measurement is right. With
events, the kernel reports every TCP connection that ends to the tracked set, which should detect all of
them. The netstat pipeline lies below its line: it reads the processes first and the table of connections a
moment later, and counts only connections that the daemon had accepted before the first and that still
existed at the second.`;

const costText = `What a detector knows is as old as its last poll. The vertical axis is the mean difference between its
count of connections and the true count, over all lifetimes. The horizontal axis is its cost: the whole
process of the detector, or for a command its processes alone. Lower left is better, and both scales are
logarithmic. A dot is a detector, labelled with its interval.`;

const verdictText = `The rule of <code>buildkit-drain wait</code>, applied to what each detector saw, with every connection
counted as a client: a wait ends after a whole quiet period without clients. <b>Early</b> ends while a client
is connected, and would cut off a build. <b>Missed</b> ends without a client, but a client came and went
undetected during the quiet period. <b>Late</b> is the delay after the earliest correct moment.`;

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
  const names = [...new Set(detectors.map(({ method, transport }) => `${transport} ${method}`))];
  const panels = names.map((name) => {
    const own = detectors.filter(({ method, transport }) => `${transport} ${method}` === name);
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
    : `${methodTitle(detector.method)} · ${transportTitles[detector.transport]}`;
}

function costs(results: AccuracyResults): string {
  const shown = (['tcp', 'unix'] as const).flatMap((transport) => {
    const series = seriesOf(results, transport);
    const title = transportTitles[transport];
    return series.length === 0
      ? []
      : [
          `<figure><figcaption>${title}</figcaption>${drawCosts(title, series)}${methodLegend(series)}</figure>`,
        ];
  });
  return shown.length === 0
    ? ''
    : htmlSection('Accuracy and cost', costText, `<div class="pair">${shown.join('')}</div>`);
}

function seriesOf(results: AccuracyResults, transport: Transport): CostSeries[] {
  const detectors = detectorsOf(results).filter((each) => each.transport === transport);
  const names = [...new Set(detectors.map(({ method }) => method))];
  const series = names.map((method) => ({
    name: methodTitle(method),
    index: results.plan.methods.indexOf(method),
    points: detectors
      .filter((detector) => detector.method === method)
      .flatMap((detector) => {
        const { busyCpuPercent, countError } = overallOf(results, detector);
        return busyCpuPercent && countError
          ? [{ label: intervalText(detector.intervalMs), cpuPercent: busyCpuPercent, countError }]
          : [];
      }),
  }));
  return series.filter(({ points }) => points.length > 0);
}

function methodLegend(series: readonly CostSeries[]): string {
  return `<ul class="legend">${series.map(({ name, index }) => `<li>${mark(index)} ${xmlText(name)}</li>`).join('')}</ul>`;
}

function mark(index: number): string {
  return `<svg viewBox="0 0 34 12" width="34" height="12" aria-hidden="true"><line class="theory s${index}" x1="0" x2="34" y1="6" y2="6"/><circle class="dot s${index}" cx="17" cy="6" r="5"/></svg>`;
}

/** The style of the page, in addition to that of its charts. */
const pageStyle = `
:root { color-scheme: light dark; --s0: #0969da; --s1: #1a7f37; --s2: #9a6700; --s3: #a40e63; --s4: #6639ba; --s5: #57606a;
  --early: #ffd8d3; --missed: #fff3c4; --right: #dff5e3 }
@media (prefers-color-scheme: dark) {
  :root { --s0: #58a6ff; --s1: #4ac26b; --s2: #e3b341; --s3: #f778ba; --s4: #bc8cff; --s5: #9198a1;
    --early: #6b1f1a; --missed: #4d3c0a; --right: #12361f }
}
body { margin: 0; background: var(--paper); color: var(--ink); line-height: 1.5;
  font-family: system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif }
main { max-width: 1160px; margin: 0 auto; padding: 24px 20px 64px }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0.4em 0 }
h2 { font-size: 1.35rem; margin: 2em 0 0.3em }
p { max-width: 48rem }
.lead { color: var(--muted) }
.scroll { overflow-x: auto; max-width: 100% }
table { border-collapse: collapse; font-size: 0.9rem }
th, td { text-align: left; vertical-align: top; padding: 5px 14px 5px 0; border-bottom: 1px solid var(--grid) }
thead th { color: var(--muted); font-weight: 600 }
tbody th { font-weight: 500 }
.verdicts td, .verdicts th { padding: 6px 10px; min-width: 5.5em }
.verdicts tbody th { min-width: 11em }
.verdicts td { border: 1px solid var(--paper) }
.verdicts small { color: var(--ink); white-space: nowrap }
td.early { background: var(--early) } td.missed { background: var(--missed) } td.right { background: var(--right) }
.panels { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 330px), 1fr)); gap: 20px }
figure { margin: 0 } figcaption { font-weight: 600 }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); gap: 24px 40px }
svg.panel { width: 100%; height: auto; display: block }
.tick { font-size: 15px; fill: var(--muted) }
.mark { font-size: 13px; fill: var(--ink); paint-order: stroke; stroke: var(--paper); stroke-width: 3px }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 4px 24px; padding: 0 }
.theory { fill: none; stroke-width: 2; opacity: 0.7 }
.dot { stroke: var(--paper); stroke-width: 1 }
.theory.s0 { stroke: var(--s0) } .theory.s1 { stroke: var(--s1) } .theory.s2 { stroke: var(--s2) }
.theory.s3 { stroke: var(--s3) } .theory.s4 { stroke: var(--s4) } .theory.s5 { stroke: var(--s5) }
.dot.s0 { fill: var(--s0) } .dot.s1 { fill: var(--s1) } .dot.s2 { fill: var(--s2) }
.dot.s3 { fill: var(--s3) } .dot.s4 { fill: var(--s4) } .dot.s5 { fill: var(--s5) }
details { border-top: 1px solid var(--grid); padding: 8px 0 }
summary { cursor: pointer; font-weight: 600 }
code { font-size: 0.95em }
`;

/** The verdicts as a table. The colour of a cell is that of the worst verdict in it. */
function verdictTable(results: AccuracyResults): string {
  const periods = results.plan.quietPeriodsMs;
  const head = ['detector', ...periods.map((periodMs) => `quiet period ${durationName(periodMs)}`)];
  const rows = detectorsOf(results).map((detector) => {
    const { method, transport, intervalMs } = detector;
    const scores = verdictsOf(results, detector);
    const cells = periods.map((periodMs) =>
      cell(scores.find(({ quietPeriodMs }) => quietPeriodMs === periodMs)),
    );
    const on = transport === 'unix' ? ', unix socket' : '';
    const name = `${methodTitle(method)}${on}, every ${intervalText(intervalMs)}`;
    return `<tr><th scope="row">${xmlText(name)}</th>${cells.join('')}</tr>`;
  });
  const titles = head.map((title) => `<th>${xmlText(title)}</th>`).join('');
  return `<div class="scroll"><table class="verdicts"><thead><tr>${titles}</tr></thead><tbody>${rows.join('\n')}</tbody></table></div>`;
}

function cell(score: VerdictScore | undefined): string {
  if (score === undefined || score.waits === 0) {
    return '<td class="none">–</td>';
  }
  const { waits, early, missed, unended, lateMs } = score;
  const share = (count: number): string => `${Math.round((count / waits) * 100)} %`;
  const kind = early > 0 ? 'early' : missed + unended > 0 ? 'missed' : 'right';
  const parts = [
    ...(early > 0 ? [`<b>${share(early)} early</b>`] : []),
    ...(missed > 0 ? [`${share(missed)} missed`] : []),
    ...(unended > 0 ? [`${share(unended)} never`] : []),
    ...(lateMs === null ? [] : [`<small>late ${xmlText(msText(lateMs.median))}</small>`]),
  ];
  return `<td class="${kind}">${parts.join('<br>')}</td>`;
}
