import { countErrorIn } from './count-error.ts';
import { type Matching, matchSightings, type Notice } from './matching.ts';
import { cpuPercentIn, momentsOf, type Recording } from './recording.ts';
import { expectedCountError, expectedRecall } from './theory.ts';
import { rounded, timesOf } from './times.ts';
import { type TrueConnection, visibleMs, visibleRange } from './truth.ts';
import type { Detector, LifetimeScore } from './types.ts';

/** A phase as it was played: when it was, and the connections of one transport in it. */
export interface PlayedPhase {
  readonly name: string;
  readonly fromMs: number;
  /** When the last connection was closed, or no more were to come. */
  readonly toMs: number;
  /** The end of the quiet that followed. */
  readonly untilMs: number;
  readonly truth: readonly TrueConnection[];
}

/** How a detector did in each phase. @param hasEvents whether it is told of every end. */
export function scorePhases(
  detector: Detector,
  hasEvents: boolean,
  recording: Recording,
  phases: readonly PlayedPhase[],
): LifetimeScore[] {
  const matching = matchSightings(
    phases.flatMap(({ truth }) => truth),
    recording,
  );
  const byConnection = new Map(matching.notices.map((notice) => [notice.connection, notice]));
  return phases.map((phase) => {
    const polls = looksIn(recording, phase);
    const notices = phase.truth.flatMap((each) => byConnection.get(each) ?? []);
    return {
      ...detector,
      lifetime: phase.name,
      ...recallOf(notices, polls, hasEvents),
      ...countErrorOf(recording, phase, polls, hasEvents),
      ...delaysOf(notices),
      falseSightings: falseIn(matching, phase),
      polls: polls.gapsMs.length,
      achievedMs: timesOf(polls.gapsMs),
      cpuPercent: roundedOrNull(cpuPercentIn(recording.cpu, phase.fromMs, phase.toMs)),
    };
  });
}

interface Looks {
  readonly gapsMs: readonly number[];
  /** Mean time from the moment that a look shows to its end. */
  readonly delayMs: number;
}

/** The looks of a phase, with the last before it and the first after it. */
function looksIn(recording: Recording, { fromMs, toMs }: PlayedPhase): Looks {
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

function recallOf(notices: readonly Notice[], { gapsMs }: Looks, hasEvents: boolean): Recall {
  const connections = notices.length;
  const seen = notices.filter(({ arrivalMs }) => arrivalMs !== null).length;
  const lived = notices.map(({ connection }) => visibleRange(connection));
  const expected = hasEvents ? { recall: 1, standardError: 0 } : expectedRecall(lived, gapsMs);
  const isNone = connections === 0 || expected === null;
  return {
    connections,
    seen,
    recall: connections === 0 ? null : rounded(seen / connections),
    expectedRecall: isNone ? null : rounded(expected.recall),
    standardError: isNone ? null : rounded(expected.standardError),
  };
}

type Counted = Pick<LifetimeScore, 'countError' | 'expectedCountError' | 'meanOpen'>;

function countErrorOf(
  recording: Recording,
  phase: PlayedPhase,
  { gapsMs, delayMs }: Looks,
  hasEvents: boolean,
): Counted {
  const { fromMs, toMs, truth } = phase;
  const { meanError, meanOpen } = countErrorIn(truth, recording, fromMs, toMs);
  const expected = expectedCountError(truth.length / (toMs - fromMs), truth.map(visibleMs), {
    gapMs: gapsMs.reduce((sum, gap) => sum + gap, 0) / Math.max(1, gapsMs.length),
    delayMs,
  });
  return {
    countError: rounded(meanError),
    expectedCountError: hasEvents || gapsMs.length === 0 ? null : rounded(expected),
    meanOpen: rounded(meanOpen),
  };
}

function delaysOf(notices: readonly Notice[]): Pick<LifetimeScore, 'arrivalMs' | 'departureMs'> {
  const arrivals = notices.flatMap(({ connection, arrivalMs }) =>
    arrivalMs === null ? [] : [arrivalMs - connection.openFromMs],
  );
  const departures = notices.flatMap(({ connection, departureMs }) =>
    departureMs === null ? [] : [departureMs - connection.closeFromMs],
  );
  return { arrivalMs: timesOf(arrivals), departureMs: timesOf(departures) };
}

function falseIn({ falseMs }: Matching, { fromMs, untilMs }: PlayedPhase): number {
  return falseMs.filter((atMs) => atMs >= fromMs && atMs < untilMs).length;
}

function roundedOrNull(value: number | null): number | null {
  return value === null ? null : rounded(value);
}
