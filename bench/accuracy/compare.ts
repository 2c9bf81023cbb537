import { ratioText } from '../render/numbers.ts';
import { type ReportSection, reportText } from '../render/tables.ts';
import { accuracyHeadline } from './report.ts';
import type { AccuracyResults, Detector } from './types.ts';
import { detectorsOf, intervalText, isSame, methodTitle, overallOf, verdictsOf } from './views.ts';

/** Compares the second run with the first, for each detector that both have. */
export function compareText(before: AccuracyResults, after: AccuracyResults): string {
  const headline = `A: ${accuracyHeadline(before)}\nB: ${accuracyHeadline(after)}`;
  return reportText(headline, [comparison(before, after), missing(before, after)].filter(hasRows));
}

function hasRows({ table }: ReportSection): boolean {
  return table.length > 1;
}

function comparison(before: AccuracyResults, after: AccuracyResults): ReportSection {
  const rows = detectorsOf(before)
    .filter((detector) => has(after, detector))
    .map((detector) => compared(before, after, detector));
  return {
    title: 'B compared with A',
    note:
      'Seen: the smallest share of connections over all lifetimes. Count error and CPU: B divided by ' +
      'A, so that less than 1 is better. Verdicts: waits that ended early, and that missed a client, ' +
      'of all waits.',
    table: [
      [
        ...[
          'method',
          'transport',
          'interval',
          'seen A',
          'seen B',
          'count error',
          'CPU busy',
          'CPU idle',
        ],
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
    ...[methodTitle(detector.method), detector.transport, intervalText(detector.intervalMs)],
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
  const sum = (key: 'waits' | 'early' | 'missed'): number =>
    scores.reduce((total, score) => total + score[key], 0);
  return `${sum('early')} and ${sum('missed')} of ${sum('waits')}`;
}

function missing(before: AccuracyResults, after: AccuracyResults): ReportSection {
  const only = (name: string, results: AccuracyResults, others: AccuracyResults): string[][] =>
    detectorsOf(results)
      .filter((detector) => !has(others, detector))
      .map(({ method, transport, intervalMs }) => [
        name,
        `${methodTitle(method)} (${transport}) every ${intervalText(intervalMs)}`,
      ]);
  return {
    title: 'In only one of the runs',
    note: 'Detectors that cannot be compared.',
    table: [['run', 'detector'], ...only('A', before, after), ...only('B', after, before)],
  };
}

function has(results: AccuracyResults, wanted: Detector): boolean {
  return detectorsOf(results).some((detector) => isSame(detector, wanted));
}
