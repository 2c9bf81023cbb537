import type { Connection, Sample } from '../inspect/types.ts';

/** When a wait may end. */
export interface QuietRule {
  /** How long quiet must last without a break, in milliseconds. */
  readonly quietPeriodMs: number;
  /** No wait is drained before this much time has passed since its start, in milliseconds. */
  readonly minWaitMs: number;
  /** Up to this many counted connections are quiet. */
  readonly maxConnections: number;
  /**
   * Samples further apart than this leave a stretch of time that nobody watched, and what was not
   * watched was not quiet. In milliseconds.
   */
  readonly maxGapMs: number;
  /** Which connections count as clients. */
  readonly counts: (connection: Connection) => boolean;
}

/** A sample with the time that taking it began and ended, in milliseconds. */
export interface TimedSample {
  readonly sample: Sample;
  readonly fromMs: number;
  readonly toMs: number;
}

export interface QuietState {
  readonly startedMs: number;
  readonly last: TimedSample | null;
  /** Whether the last sample was a vouched-for count of no more than the allowed clients. */
  readonly isQuiet: boolean;
  /** Since when every sample was a vouched-for count of no more than the allowed clients. */
  readonly quietSinceMs: number | null;
  /** Since when no sample has shown anything. */
  readonly blindSinceMs: number | null;
  /** How many samples in a row found the daemon gone. */
  readonly goneInARow: number;
}

export type Verdict = 'waiting' | 'drained' | 'gone';

const looksToBeGone = 2;

export function beginQuiet(startedMs: number): QuietState {
  return {
    startedMs,
    last: null,
    isQuiet: false,
    quietSinceMs: null,
    blindSinceMs: null,
    goneInARow: 0,
  };
}

/** The state after one more sample. */
export function observe(state: QuietState, taken: TimedSample, rule: QuietRule): QuietState {
  const { sample, toMs } = taken;
  const unbroken = gapMs(state, taken) > rule.maxGapMs ? null : state.quietSinceMs;
  const isQuiet = isSameSample(state, taken) ? state.isQuiet : isQuietSample(sample, rule);
  return {
    startedMs: state.startedMs,
    last: taken,
    isQuiet,
    quietSinceMs: isQuiet ? (unbroken ?? toMs) : null,
    blindSinceMs: isBlind(sample) ? (state.blindSinceMs ?? toMs) : null,
    goneInARow: sample.kind === 'gone' ? state.goneInARow + 1 : 0,
  };
}

/** Whether a sample is the very one before: then there is nothing new in it. */
export function isSameSample({ last }: QuietState, { sample }: TimedSample): boolean {
  return last?.sample === sample;
}

/** The longest time that can lie between what a sample shows and what the one before showed. */
export function gapMs({ last }: QuietState, taken: TimedSample): number {
  return last === null ? 0 : taken.toMs - last.fromMs;
}

/**
 * What the samples so far allow to say. The rule that everything else serves: `drained` only if
 * for a whole quiet period every sample was a vouched-for count within the allowed number.
 */
export function verdict(state: QuietState, rule: QuietRule): Verdict {
  if (state.goneInARow >= looksToBeGone) {
    return 'gone';
  }
  const drainedMs = drainedAtMs(state, rule);
  return drainedMs !== null && certainMs(state, rule) >= drainedMs ? 'drained' : 'waiting';
}

/** When the quiet that lasts now could end the wait at the earliest; null while there is none. */
export function drainedAtMs(state: QuietState, rule: QuietRule): number | null {
  if (state.quietSinceMs === null) {
    return null;
  }
  return Math.max(state.quietSinceMs + rule.quietPeriodMs, state.startedMs + rule.minWaitMs);
}

export function countedConnections(sample: Sample, rule: QuietRule): readonly Connection[] {
  return sample.kind === 'gone' ? [] : sample.connections.filter(rule.counts);
}

/** Whether a sample shows nothing at all: neither a count nor any client. */
export function isBlind(sample: Sample): boolean {
  return sample.kind === 'failed' && sample.connections.length === 0;
}

function isQuietSample(sample: Sample, rule: QuietRule): boolean {
  return (
    sample.kind === 'counted' && countedConnections(sample, rule).length <= rule.maxConnections
  );
}

// A sample shows some moment between its begin and its end, so a period is certain up to its begin
// only. A period of zero is one look, whenever in that time it was.
function certainMs({ last }: QuietState, { quietPeriodMs }: QuietRule): number {
  if (last === null) {
    return -Infinity;
  }
  return quietPeriodMs === 0 ? last.toMs : last.fromMs;
}
