import { type TrueConnection, visibleMs, visibleRange } from './ground-truth.ts';
import {
  cpuPercentIn,
  type Detection,
  type Matching,
  matchDetections,
  momentsOf,
  type Recording,
} from './recording.ts';
import { expectedCountError, expectedRecall } from './theory.ts';
import type { Detector, LifetimeScore, Times } from './types.ts';

/** A phase that is over: its times, and its connections over one transport. */
export interface FinishedPhase {
  readonly name: string;
  readonly fromMs: number;
  /** When the last connection was closed, and no more were due. */
  readonly toMs: number;
  /** The end of the pause that followed. */
  readonly untilMs: number;
  readonly truth: readonly TrueConnection[];
}

/** Scores a detector in each phase. @param hasEvents whether it is notified of every end. */
export function scorePhases(
  detector: Detector,
  hasEvents: boolean,
  recording: Recording,
  phases: readonly FinishedPhase[],
): LifetimeScore[] {
  const matching = matchDetections(
    phases.flatMap(({ truth }) => truth),
    recording,
  );
  const byConnection = new Map(
    matching.detections.map((detection) => [detection.connection, detection]),
  );
  return phases.map((phase) => {
    const polls = pollsIn(recording, phase);
    const detections = phase.truth.flatMap((each) => byConnection.get(each) ?? []);
    return {
      ...detector,
      lifetime: phase.name,
      ...recallOf(detections, polls, hasEvents),
      ...countErrorOf(recording, phase, polls, hasEvents),
      ...delaysOf(detections),
      falseDetections: falseIn(matching, phase),
      polls: polls.gapsMs.length,
      achievedMs: timesOf(polls.gapsMs),
      cpuPercent: roundedOrNull(cpuPercentIn(recording.cpu, phase.fromMs, phase.toMs)),
    };
  });
}

interface PollTiming {
  readonly gapsMs: readonly number[];
  /** Mean time from the moment whose state a poll returns to the end of the poll. */
  readonly delayMs: number;
}

/** The polls of a phase, including the last one before it and the first one after it. */
function pollsIn(recording: Recording, { fromMs, toMs }: FinishedPhase): PollTiming {
  const moments = momentsOf(recording);
  const gapsMs: number[] = [];
  let delay = 0;
  for (let poll = 1; poll < moments.length; poll += 1) {
    const before = moments[poll - 1] ?? 0;
    const moment = moments[poll] ?? 0;
    if (moment > fromMs && before < toMs) {
      gapsMs.push(moment - before);
      delay += (recording.toMs[poll] ?? moment) - moment;
    }
  }
  return { gapsMs, delayMs: delay / Math.max(1, gapsMs.length) };
}

type Recall = Pick<
  LifetimeScore,
  'connections' | 'seen' | 'recall' | 'expectedRecall' | 'standardError'
>;

function recallOf(
  detections: readonly Detection[],
  { gapsMs }: PollTiming,
  hasEvents: boolean,
): Recall {
  const connections = detections.length;
  const seen = detections.filter(({ arrivalMs }) => arrivalMs !== null).length;
  const lived = detections.map(({ connection }) => visibleRange(connection));
  const expected = hasEvents ? { recall: 1, standardError: 0 } : expectedRecall(lived, gapsMs);
  const isNone = connections === 0 || expected === null;
  return {
    connections,
    seen,
    recall: connections === 0 ? null : toFiveDigits(seen / connections),
    expectedRecall: isNone ? null : toFiveDigits(expected.recall),
    standardError: isNone ? null : toFiveDigits(expected.standardError),
  };
}

type Counted = Pick<LifetimeScore, 'countError' | 'expectedCountError' | 'meanOpen'>;

function countErrorOf(
  recording: Recording,
  phase: FinishedPhase,
  { gapsMs, delayMs }: PollTiming,
  hasEvents: boolean,
): Counted {
  const { fromMs, toMs, truth } = phase;
  const { meanError, meanOpen } = countErrorIn(truth, recording, fromMs, toMs);
  const expected = expectedCountError(truth.length / (toMs - fromMs), truth.map(visibleMs), {
    gapMs: gapsMs.reduce((sum, gap) => sum + gap, 0) / Math.max(1, gapsMs.length),
    delayMs,
  });
  return {
    countError: toFiveDigits(meanError),
    expectedCountError: hasEvents || gapsMs.length === 0 ? null : toFiveDigits(expected),
    meanOpen: toFiveDigits(meanOpen),
  };
}

function delaysOf(
  detections: readonly Detection[],
): Pick<LifetimeScore, 'arrivalMs' | 'departureMs'> {
  const arrivals = detections.flatMap(({ connection, arrivalMs }) =>
    arrivalMs === null ? [] : [arrivalMs - connection.openFromMs],
  );
  const departures = detections.flatMap(({ connection, departureMs }) =>
    departureMs === null ? [] : [departureMs - connection.closeFromMs],
  );
  return { arrivalMs: timesOf(arrivals), departureMs: timesOf(departures) };
}

function falseIn({ falseMs }: Matching, { fromMs, untilMs }: FinishedPhase): number {
  return falseMs.filter((atMs) => atMs >= fromMs && atMs < untilMs).length;
}

function roundedOrNull(value: number | null): number | null {
  return value === null ? null : toFiveDigits(value);
}

export interface CountError {
  /** Mean of the absolute difference over time. */
  readonly meanError: number;
  /** The mean number of connections that were open. */
  readonly meanOpen: number;
}

interface Step {
  readonly atMs: number;
  readonly least: number;
  readonly most: number;
  readonly detected: number;
}

/**
 * The difference between the count of a detector and the true count, over a window of time. While it
 * is uncertain whether a connection was open, both counts are right.
 *
 * @param truth connections of the detector's transport.
 */
export function countErrorIn(
  truth: readonly TrueConnection[],
  recording: Recording,
  fromMs: number,
  toMs: number,
): CountError {
  const steps = [...trueSteps(truth), ...detectedSteps(recording)].toSorted(
    (one, other) => one.atMs - other.atMs,
  );
  let least = 0;
  let most = 0;
  let detected = 0;
  let beforeMs = fromMs;
  let error = 0;
  let open = 0;
  const passTo = (atMs: number): void => {
    const lastedMs = Math.min(atMs, toMs) - beforeMs;
    if (lastedMs > 0) {
      error += Math.max(0, detected - most, least - detected) * lastedMs;
      open += ((least + most) / 2) * lastedMs;
      beforeMs += lastedMs;
    }
  };
  for (const step of steps) {
    passTo(step.atMs);
    least += step.least;
    most += step.most;
    detected += step.detected;
  }
  passTo(toMs);
  const windowMs = Math.max(toMs - fromMs, Number.EPSILON);
  return { meanError: error / windowMs, meanOpen: open / windowMs };
}

function trueSteps(truth: readonly TrueConnection[]): Step[] {
  return truth.flatMap(({ openFromMs, openToMs, closeFromMs, closeToMs }) => [
    { atMs: openFromMs, least: 0, most: 1, detected: 0 },
    { atMs: openToMs, least: 1, most: 0, detected: 0 },
    { atMs: closeFromMs, least: -1, most: 0, detected: 0 },
    { atMs: closeToMs, least: 0, most: -1, detected: 0 },
  ]);
}

/** The count of a poll is known from its end on. A failed poll changes nothing. */
function detectedSteps({ changes, toMs }: Recording): Step[] {
  let before = 0;
  return changes.flatMap(({ poll, keys }) => {
    const count = keys?.length ?? before;
    const detected = count - before;
    before = count;
    return detected === 0 ? [] : [{ atMs: toMs[poll] ?? 0, least: 0, most: 0, detected }];
  });
}

/** Null if there are no values. */
export function timesOf(values: readonly number[]): Times | null {
  const ascending = values.toSorted((one, other) => one - other);
  const most = ascending.at(-1);
  if (most === undefined) {
    return null;
  }
  return {
    median: toFiveDigits(atShare(ascending, 0.5)),
    p99: toFiveDigits(atShare(ascending, 0.99)),
    most: toFiveDigits(most),
  };
}

/** The smallest value that is not exceeded by this share of the values. */
function atShare(ascending: readonly number[], share: number): number {
  return ascending[Math.max(0, Math.ceil(share * ascending.length) - 1)] ?? 0;
}

/** More digits would not make the results more precise. */
export function toFiveDigits(value: number): number {
  return Number(value.toPrecision(5));
}
