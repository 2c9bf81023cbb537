import { countText, percentText, timesText, timeText } from '../render/numbers.ts';
import type { Section } from '../render/tables.ts';
import { headlineOf, remarkRows } from '../runner/results.ts';
import { summaryOf } from './summary.ts';
import type { AccuracyResults, Detector, LifetimeScore, Times, VerdictScore } from './types.ts';
import {
  detectorsOf,
  intervalText,
  lifetimesOf,
  meansTitle,
  overallOf,
  scoresOf,
  verdictsOf,
} from './views.ts';
import { durationName, restName } from './workload.ts';

export function accuracyHeadline(results: AccuracyResults): string {
  return headlineOf('How well connections are seen here', results);
}

/** All that there is to say about a run, for people. Parts that were not measured are left out. */
export function accuracySections(results: AccuracyResults): Section[] {
  const sections = [
    summaryOf(results),
    perLifetime(results, 'Connections seen', seenNote, seenText),
    perLifetime(results, 'Error of the count', errorNote, errorText),
    perLifetime(results, 'Delay of an arrival', delayNote('opens'), (score) =>
      delayText(score.arrivalMs),
    ),
    perLifetime(results, 'Delay of a departure', delayNote('closes'), (score) =>
      delayText(score.departureMs),
    ),
    verdicts(results),
    costs(results),
    workload(results),
    remarks(results),
  ];
  return sections.filter(({ table }) => table.length > 1);
}

const seenNote = 'The share of all connections by their lifetime, and after ~ what theory expects.';
const errorNote =
  'Mean difference between the count that was known and the true one, and what theory expects.';
const delayNote = (verb: string): string =>
  `From the call that ${verb} a connection to the poll that shows it: median and 99th percentile.`;

function perLifetime(
  results: AccuracyResults,
  title: string,
  note: string,
  text: (score: LifetimeScore) => string,
): Section {
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

const nameTitles = ['method', 'on', 'every'];

function nameCells({ method, transport, intervalMs }: Detector): string[] {
  return [meansTitle(method), transport, intervalText(intervalMs)];
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

function verdicts(results: AccuracyResults): Section {
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
      'Of waits that begin each second, by their quiet period: how many ended early, with somebody ' +
      'connected; how many hastily, after a quiet that somebody had broken unseen; and how late the ' +
      'others ended, median and most.',
    table: [[...nameTitles, ...periods.map(durationName)], ...rows],
  };
}

function verdictText({ waits, early, hasty, unended, lateMs }: VerdictScore): string {
  const never = unended === 0 ? '' : `, ${unended} never`;
  const late = lateMs === null ? '' : `, ${msText(lateMs.median)} to ${msText(lateMs.most)}`;
  return `${early} and ${hasty} of ${waits}${never}${late}`;
}

function costs(results: AccuracyResults): Section {
  const percent = (value: number | null): string => (value === null ? '-' : percentText(value));
  return {
    title: 'Cost, and false sightings',
    note: 'CPU in percent of one core, while connections come and go, and while no client connects.',
    table: [
      [...nameTitles, 'achieved', 'CPU busy', 'CPU at rest', 'false sightings'],
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

function workload({ sessions }: AccuracyResults): Section {
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
    title: 'The connections',
    note: `${timesText(sessions.length, 'session')}: how long connections really lived, and for how long one cannot say whether one is there yet (median and 99th percentile).`,
    table: [
      ['session', 'lifetime', 'connections', 'failed', 'lived', 'uncertain', 'CPU to make them'],
      ...rows,
    ],
  };
}

function remarks(results: AccuracyResults): Section {
  return {
    title: 'Left out, or other than meant',
    note: 'What could not be had here.',
    table: remarkRows(results),
  };
}
