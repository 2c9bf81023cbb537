import { countText, percentText, timesText, timeText } from '../render/numbers.ts';
import type { ReportSection } from '../render/tables.ts';
import { headlineOf, remarkRows } from '../runner/results.ts';
import { summaryOf } from './summary.ts';
import type { AccuracyResults, Detector, LifetimeScore, Times, VerdictScore } from './types.ts';
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

export function accuracyHeadline(results: AccuracyResults): string {
  return headlineOf('Accuracy of connection counting on this node', results);
}

/** The sections of the report. Those without measurements are left out. */
export function accuracySections(results: AccuracyResults): ReportSection[] {
  const sections = [
    summaryOf(results),
    perLifetime(results, 'Connections seen', seenNote, seenText),
    perLifetime(results, 'Count error', errorNote, errorText),
    perLifetime(results, 'Arrival delay', arrivalNote, (score) => delayText(score.arrivalMs)),
    perLifetime(results, 'Departure delay', departureNote, (score) => delayText(score.departureMs)),
    verdicts(results),
    costs(results),
    workload(results),
    remarks(results),
  ];
  return sections.filter(({ table }) => table.length > 1);
}

const seenNote =
  'The share of all connections, by their lifetime; after ~, the share expected by theory.';
const errorNote =
  'Mean difference between the count of the detector and the true one; after ~, the expected one.';
const arrivalNote =
  'From the call that opens a connection to the end of the poll that first shows it: median and ' +
  '99th percentile.';
const departureNote =
  'From the call that closes a connection to the end of the poll that no longer shows it: median ' +
  'and 99th percentile.';

function perLifetime(
  results: AccuracyResults,
  title: string,
  note: string,
  text: (score: LifetimeScore) => string,
): ReportSection {
  const lifetimes = lifetimesOf(results);
  const rows = detectorsOf(results).map((detector) => {
    const scores = scoresOf(results, detector);
    const cells = lifetimes.map((lifetime) => {
      const score = scores.find((each) => each.lifetime === lifetime);
      return score === undefined ? '-' : text(score);
    });
    return [...nameCells(detector), ...cells];
  });
  return { title, note, table: [[...nameTitles, ...lifetimes], ...rows] };
}

const nameTitles = ['method', 'transport', 'interval'];

function nameCells({ method, transport, intervalMs }: Detector): string[] {
  return [methodTitle(method), transport, intervalText(intervalMs)];
}

function seenText({ recall, expectedRecall }: LifetimeScore): string {
  if (recall === null) {
    return '-';
  }
  const isAlike = expectedRecall === null || expectedRecall.toFixed(3) === recall.toFixed(3);
  return isAlike ? recall.toFixed(3) : `${recall.toFixed(3)} ~${expectedRecall.toFixed(3)}`;
}

function errorText({ countError, expectedCountError }: LifetimeScore): string {
  const expected = expectedCountError === null ? '' : ` ~${expectedCountError.toFixed(2)}`;
  return `${countError.toFixed(2)}${expected}`;
}

function delayText(times: Times | null): string {
  return times === null ? '-' : `${msText(times.median)}, ${msText(times.p99)}`;
}

export function msText(ms: number): string {
  return timeText(ms * 1000);
}

function verdicts(results: AccuracyResults): ReportSection {
  const periods = results.plan.quietPeriodsMs;
  const rows = detectorsOf(results).map((detector) => {
    const scores = verdictsOf(results, detector);
    const cells = periods.map((periodMs) => {
      const score = scores.find(({ quietPeriodMs }) => quietPeriodMs === periodMs);
      return score === undefined || score.waits === 0 ? '-' : verdictText(score);
    });
    return [...nameCells(detector), ...cells];
  });
  return {
    title: 'Verdicts',
    note:
      'A wait starts every second. By quiet period: how many waits ended early, while a client was ' +
      'connected; how many missed a client that came and went during the quiet period; and the delay ' +
      'of the others, median to maximum.',
    table: [[...nameTitles, ...periods.map(durationName)], ...rows],
  };
}

function verdictText({ waits, early, missed, unended, lateMs }: VerdictScore): string {
  const never = unended === 0 ? '' : `, ${unended} never`;
  const late = lateMs === null ? '' : `, ${msText(lateMs.median)} to ${msText(lateMs.most)}`;
  return `${early} and ${missed} of ${waits}${never}${late}`;
}

function costs(results: AccuracyResults): ReportSection {
  const percent = (value: number | null): string => (value === null ? '-' : percentText(value));
  return {
    title: 'Cost and false detections',
    note: 'CPU in percent of one core: busy, while connections come and go, and idle, without any.',
    table: [
      [...nameTitles, 'achieved interval', 'CPU busy', 'CPU idle', 'false detections'],
      ...detectorsOf(results).map((detector) => {
        const overall = overallOf(results, detector);
        return [
          ...nameCells(detector),
          overall.achievedMs === null ? '-' : msText(overall.achievedMs),
          percent(overall.busyCpuPercent),
          percent(overall.restCpuPercent),
          countText(overall.falseDetections),
        ];
      }),
    ],
  };
}

function workload({ sessions }: AccuracyResults): ReportSection {
  const rows = sessions.flatMap(({ lifetimes, workloadCpuPercent }, index) =>
    lifetimes
      .filter(({ lifetime }) => lifetime !== restName)
      .map(({ lifetime, connections, failed, livedMs, uncertaintyMs }) => [
        String(index + 1),
        lifetime,
        countText(connections),
        countText(failed),
        delayText(livedMs),
        delayText(uncertaintyMs),
        percentText(workloadCpuPercent),
      ]),
  );
  return {
    title: 'Connections made',
    note: `${timesText(sessions.length, 'session')}: how long connections really lived, and for how long it is uncertain whether one is open yet (median and 99th percentile).`,
    table: [
      ['session', 'lifetime', 'connections', 'failed', 'lived', 'uncertain', 'CPU of the workload'],
      ...rows,
    ],
  };
}

function remarks(results: AccuracyResults): ReportSection {
  return {
    title: 'Remarks',
    note: 'What was not measured, or not as intended.',
    table: remarkRows(results),
  };
}
