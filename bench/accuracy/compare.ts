import { ratioText } from '../render/numbers.ts';
import { type Section, textOf } from '../render/tables.ts';
import { accuracyHeadline } from './report.ts';
import type { AccuracyResults, Detector } from './types.ts';
import { detectorsOf, intervalText, isSame, meansTitle, overallOf, verdictsOf } from './views.ts';

/** Two runs side by side: the second beside the first, for each detector that both have. */
export function compareText(before: AccuracyResults, after: AccuracyResults): string {
  const headline = `A: ${accuracyHeadline(before)}\nB: ${accuracyHeadline(after)}`;
  return textOf(headline, [comparison(before, after), missing(before, after)].filter(hasRows));
}

function hasRows({ table }: Section): boolean {
  return table.length > 1;
}

function comparison(before: AccuracyResults, after: AccuracyResults): Section {
  const rows = detectorsOf(before)
    .filter((detector) => has(after, detector))
    .map((detector) => compared(before, after, detector));
  return {
    title: 'B beside A',
    note:
      'The least share of connections seen of all lifetimes, and of what is a ratio, B by A: below 1 ' +
      'is less error, less CPU. Verdicts are waits that ended early, and hastily, of all.',
    table: [
      [
        ...['method', 'on', 'every', 'seen A', 'seen B', 'count error', 'CPU busy', 'CPU at rest'],
        ...['verdicts A', 'verdicts B', 'false A', 'false B'],
      ],
      ...rows,
    ],
  };
}

function compared(before: AccuracyResults, after: AccuracyResults, detector: Detector): string[] {
  const [one, other] = [overallOf(before, detector), overallOf(after, detector)];
  const ratio = (first: number | null, second: number | null): string =>
    first === null || second === null || first === 0 ? '-' : ratioText(second / first);
  return [
    ...[meansTitle(detector.method), detector.transport, intervalText(detector.intervalMs)],
    ...[one, other].map(({ leastRecall }) => leastRecall?.toFixed(3) ?? '-'),
    ratio(one.countError, other.countError),
    ratio(one.busyCpuPercent, other.busyCpuPercent),
    ratio(one.restCpuPercent, other.restCpuPercent),
    ...[before, after].map((results) => wrongVerdicts(results, detector)),
    ...[one, other].map(({ falseDetections }) => String(falseDetections)),
  ];
}

function wrongVerdicts(results: AccuracyResults, detector: Detector): string {
  const scores = verdictsOf(results, detector);
  const sum = (key: 'waits' | 'early' | 'hasty'): number =>
    scores.reduce((total, score) => total + score[key], 0);
  return `${sum('early')} and ${sum('hasty')} of ${sum('waits')}`;
}

function missing(before: AccuracyResults, after: AccuracyResults): Section {
  const only = (name: string, results: AccuracyResults, others: AccuracyResults): string[][] =>
    detectorsOf(results)
      .filter((detector) => !has(others, detector))
      .map(({ method, transport, intervalMs }) => [
        name,
        `${meansTitle(method)} (${transport}) every ${intervalText(intervalMs)}`,
      ]);
  return {
    title: 'In one of them only',
    note: 'What can not be compared.',
    table: [['run', 'detector'], ...only('A', before, after), ...only('B', after, before)],
  };
}

function has(results: AccuracyResults, wanted: Detector): boolean {
  return detectorsOf(results).some((detector) => isSame(detector, wanted));
}
