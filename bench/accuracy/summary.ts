import { percentText, ratioText } from '../render/numbers.ts';
import type { ReportSection } from '../render/tables.ts';
import type { AccuracyResults, Detector } from './types.ts';
import { detectorsOf, deviationOf, isPlainPoll, isSame, overallOf, verdictsOf } from './views.ts';
import { restName } from './workload.ts';

// The claim: the tracked set with events, at the interval of `wait`, compared with plain dumps at the
// shortest interval.
const own: Detector = { method: 'tracked-events', transport: 'tcp', intervalMs: 100 };
const plain: Detector = { method: 'dump', transport: 'tcp', intervalMs: 1 };
const mostErrors = 3;

/** The main figures, each with its aim. Those that were not measured are left out. */
export function summaryOf(results: AccuracyResults): ReportSection {
  const has = (wanted: Detector): boolean =>
    detectorsOf(results).some((detector) => isSame(detector, wanted));
  return {
    title: 'Summary',
    note: 'docs/accuracy.md explains the aims.',
    table: [
      ['what', 'measured', 'aim'],
      ...(has(own) ? ownRows(results) : []),
      ...(has(own) && has(plain) ? comparisonRows(results) : []),
      ...verdictRows(results, [own, plain].filter(has)),
      ...theoryRows(results),
    ],
  };
}

function name({ method, intervalMs }: Detector): string {
  return method === own.method
    ? `tracked set with events at ${intervalMs} ms`
    : `sock_diag dump at ${intervalMs} ms`;
}

function ownRows(results: AccuracyResults): string[][] {
  const { leastRecall, falseDetections } = overallOf(results, own);
  return [
    [
      `share of connections seen by ${name(own)}, smallest over all lifetimes`,
      leastRecall?.toFixed(3) ?? '-',
      '1.000',
    ],
    [`false detections by ${name(own)}`, String(falseDetections), '0'],
  ];
}

/** At all intervals of the tracked set, so that readers can weigh accuracy against cost. */
function comparisonRows(results: AccuracyResults): string[][] {
  const other = overallOf(results, plain);
  const ratio = (mine: number | null, its: number | null): string =>
    mine === null || its === null || its === 0 ? '-' : ratioText(mine / its);
  return detectorsOf(results)
    .filter(({ method, transport }) => method === own.method && transport === own.transport)
    .map((detector) => {
      const one = overallOf(results, detector);
      return [
        `count error, CPU busy, CPU idle: ${name(detector)} vs. ${name(plain)}`,
        [
          ratio(one.countError, other.countError),
          ratio(one.busyCpuPercent, other.busyCpuPercent),
          ratio(one.restCpuPercent, other.restCpuPercent),
        ].join(', '),
        isSame(detector, own) ? 'at most 1×, 1/100, 1/100' : '',
      ];
    });
}

function verdictRows(results: AccuracyResults, detectors: readonly Detector[]): string[][] {
  return detectors.map((detector) => {
    const scores = verdictsOf(results, detector);
    const sum = (key: 'waits' | 'early' | 'missed' | 'unended'): number =>
      scores.reduce((total, score) => total + score[key], 0);
    return [
      `waits that ended early, missed a client, never ended, by ${name(detector)}`,
      `${sum('early')}, ${sum('missed')}, ${sum('unended')} of ${sum('waits')}`,
      detector === own ? '0 early, 0 never ended' : '',
    ];
  });
}

function theoryRows(results: AccuracyResults): string[][] {
  const deviations = results.scores
    .filter((score) => score.lifetime !== restName && isPlainPoll(score))
    .flatMap((score) => deviationOf(score) ?? []);
  if (deviations.length === 0) {
    return [];
  }
  const within = deviations.filter((each) => Math.abs(each) <= mostErrors).length;
  const farthest = Math.max(...deviations.map(Math.abs));
  return [
    [
      `plain polls that agree with theory within ${mostErrors} standard errors`,
      `${within} of ${deviations.length} (${percentText((within / deviations.length) * 100)}), largest deviation ${farthest.toFixed(1)}`,
      'all but 0.3 %',
    ],
  ];
}
