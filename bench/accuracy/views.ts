import { watchMethods } from './sources.ts';
import type { AccuracyResults, Detector, LifetimeScore, VerdictScore } from './types.ts';
import { restName } from './workload.ts';

// Queries on the results, for the report, the page and the comparison.

export function isSame(one: Detector, other: Detector): boolean {
  return (
    one.method === other.method &&
    one.transport === other.transport &&
    one.intervalMs === other.intervalMs
  );
}

/** All detectors, sorted by transport, method and interval. */
export function detectorsOf({ sessions, plan }: AccuracyResults): Detector[] {
  const order = (detector: Detector): number => plan.methods.indexOf(detector.method);
  return sessions
    .flatMap(({ detectors }) => detectors)
    .toSorted(
      (one, other) =>
        one.transport.localeCompare(other.transport) ||
        order(one) - order(other) ||
        one.intervalMs - other.intervalMs,
    );
}

/** The names of the lifetimes that were measured, without the pause at the end. */
export function lifetimesOf({ scores }: AccuracyResults): string[] {
  return [...new Set(scores.map(({ lifetime }) => lifetime))].filter((name) => name !== restName);
}

export function scoresOf({ scores }: AccuracyResults, detector: Detector): LifetimeScore[] {
  return scores.filter((score) => isSame(score, detector));
}

export function verdictsOf({ verdicts }: AccuracyResults, detector: Detector): VerdictScore[] {
  return verdicts.filter((verdict) => isSame(verdict, detector));
}

export function methodTitle(name: string): string {
  return watchMethods.find((method) => method.name === name)?.title ?? name;
}

export function intervalText(intervalMs: number): string {
  return `${intervalMs} ms`;
}

/** The mean of the known values; null if there are none. */
function meanOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((sum, each) => sum + each, 0) / known.length;
}

/** The overall score of a detector: the mean over all lifetimes, and the idle CPU. */
export interface Overall {
  readonly leastRecall: number | null;
  readonly countError: number | null;
  readonly busyCpuPercent: number | null;
  readonly restCpuPercent: number | null;
  readonly falseDetections: number;
  readonly achievedMs: number | null;
}

export function overallOf(results: AccuracyResults, detector: Detector): Overall {
  const scores = scoresOf(results, detector);
  const busy = scores.filter(({ lifetime }) => lifetime !== restName);
  const recalls = busy.flatMap(({ recall }) => recall ?? []);
  return {
    leastRecall: recalls.length === 0 ? null : Math.min(...recalls),
    countError: meanOf(busy.map(({ countError }) => countError)),
    busyCpuPercent: meanOf(busy.map(({ cpuPercent }) => cpuPercent)),
    restCpuPercent: meanOf(
      scores.filter(({ lifetime }) => lifetime === restName).map(({ cpuPercent }) => cpuPercent),
    ),
    falseDetections: scores.reduce((sum, { falseDetections }) => sum + falseDetections, 0),
    achievedMs: meanOf(busy.map(({ achievedMs }) => achievedMs?.median ?? null)),
  };
}

/** The deviation of the measured recall from theory, in standard errors; null without a theory. */
export function deviationOf({
  recall,
  expectedRecall,
  standardError,
}: LifetimeScore): number | null {
  return recall === null || expectedRecall === null || !standardError
    ? null
    : (recall - expectedRecall) / standardError;
}

/** Whether theory applies; for netstat it is only a bound: see docs/accuracy.md. */
export function isPlainPoll({ method }: Detector): boolean {
  return method !== 'netstat';
}
