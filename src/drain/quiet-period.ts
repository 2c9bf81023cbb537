import type { BackendError } from '../backends/types.ts';

/** When a wait may end. */
export interface QuietRule {
  /** How long quiet must last without a break, in milliseconds. */
  readonly quietPeriodMs: number;
  /** No wait is drained before this much time has passed since its start, in milliseconds. */
  readonly minWaitMs: number;
  /** Up to this many clients are treated as none. */
  readonly maxConnections: number;
  /**
   * Readings further apart than this leave a sampling gap, and a gap does not count as quiet. In
   * milliseconds.
   */
  readonly maxGapMs: number;
}

/** What one sample means, with the time that taking it began and ended, in milliseconds. */
export type Reading = CountedReading | FailedReading | GoneReading;

interface Timed {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface CountedReading extends Timed {
  readonly kind: 'counted';
  readonly clients: number;
  /** Connections so young that they may be probes. They do not break quiet, but keep it from ending the wait. */
  readonly pending: number;
  /** How many of those may be this program's own question to the daemon. */
  readonly maybeOwn: number;
  /** The daemon's answer about its builds, as far as it counts here. */
  readonly builds: 'none' | 'running';
  /** Up to when the daemon's latest answer counts; null where it is not asked. */
  readonly askedMs: number | null;
  /** When the latest client or build ended that no count had shown; null where there was none. */
  readonly endedMs: number | null;
}

export interface FailedReading extends Timed {
  readonly kind: 'failed';
  readonly error: BackendError;
  /** The clients that were seen nevertheless: a lower bound, not a count. */
  readonly seen: number;
}

interface GoneReading extends Timed {
  readonly kind: 'gone';
}

export interface QuietState {
  readonly startedMs: number;
  readonly last: Reading | null;
  /** Since when every reading was a count of no more than the allowed clients. */
  readonly quietSinceMs: number | null;
  /** Since when only a fresh answer of the daemon is missing for the wait's end. */
  readonly dueSinceMs: number | null;
  /** Since when no sample has shown any client or a count. */
  readonly unknownSinceMs: number | null;
  /** How many samples in a row found the daemon gone. */
  readonly goneInARow: number;
}

export type Verdict = 'waiting' | 'drained' | 'gone';

const pollsToBeGone = 2;

export function beginQuiet(startedMs: number): QuietState {
  return {
    startedMs,
    last: null,
    quietSinceMs: null,
    dueSinceMs: null,
    unknownSinceMs: null,
    goneInARow: 0,
  };
}

/** The state after one more reading. */
export function observe(state: QuietState, reading: Reading, rule: QuietRule): QuietState {
  const { toMs } = reading;
  const unbroken = gapMs(state, toMs) > rule.maxGapMs ? null : state.quietSinceMs;
  const next = {
    startedMs: state.startedMs,
    last: reading,
    quietSinceMs: isQuiet(reading, rule) ? quietSince(reading, unbroken) : null,
    dueSinceMs: null,
    unknownSinceMs: isUnknown(reading) ? (state.unknownSinceMs ?? toMs) : null,
    goneInARow: reading.kind === 'gone' ? state.goneInARow + 1 : 0,
  };
  return isDue(next, rule) ? { ...next, dueSinceMs: state.dueSinceMs ?? toMs } : next;
}

function quietSince({ toMs, endedMs }: CountedReading, unbrokenMs: number | null): number {
  return Math.max(unbrokenMs ?? toMs, endedMs ?? -Infinity);
}

/** Whether the quiet period has passed and only the daemon's last answer may be missing. */
function isDue(state: QuietState, rule: QuietRule): boolean {
  const drainedMs = drainedAtMs(state, rule);
  return drainedMs !== null && certainMs(state, rule) >= drainedMs;
}

/** The state after one more poll, begun at this time, that found no change. */
export function observeNoChange(state: QuietState, fromMs: number): QuietState {
  return { ...state, last: state.last && { ...state.last, fromMs, toMs: fromMs } };
}

/** The longest time that can lie between what is seen at `toMs` and what was seen before. */
export function gapMs({ last }: QuietState, toMs: number): number {
  return last === null ? 0 : toMs - last.fromMs;
}

/** Whether a reading shows neither a count nor any client. */
export function isUnknown(reading: Reading): reading is FailedReading {
  return reading.kind === 'failed' && reading.seen === 0;
}

/**
 * What the readings so far prove. The rule that everything else serves: `drained` only if for a whole
 * quiet period every reading was a trusted count within the allowed number, the last one has nothing
 * pending, and the daemon, asked after all that, does not say that a build runs. An answer counts for
 * the time before its question, never for the time after.
 */
export function verdict({ goneInARow, dueSinceMs, last }: QuietState, rule: QuietRule): Verdict {
  if (goneInARow >= pollsToBeGone) {
    return 'gone';
  }
  if (dueSinceMs === null || last?.kind !== 'counted' || !isSettled(last, rule)) {
    return 'waiting';
  }
  return last.askedMs === null || last.askedMs >= dueSinceMs ? 'drained' : 'waiting';
}

/** When the quiet that lasts now could end the wait at the earliest; null while it could not. */
export function drainedAtMs(
  { quietSinceMs, startedMs, last }: QuietState,
  rule: QuietRule,
): number | null {
  if (quietSinceMs === null || last?.kind !== 'counted') {
    return null;
  }
  const others = { ...last, pending: last.pending - last.maybeOwn };
  if (!isSettled(others, rule)) {
    return null;
  }
  return Math.max(quietSinceMs + rule.quietPeriodMs, startedMs + rule.minWaitMs);
}

function isQuiet(reading: Reading, rule: QuietRule): reading is CountedReading {
  return (
    reading.kind === 'counted' &&
    reading.clients <= rule.maxConnections &&
    reading.builds !== 'running'
  );
}

function isSettled({ clients, pending }: CountedReading, rule: QuietRule): boolean {
  return clients + pending <= rule.maxConnections;
}

// A sample shows some moment between its begin and its end, so a period is certain up to its begin
// only. A period of zero is one poll, whenever in that time it was.
function certainMs({ last }: QuietState, { quietPeriodMs }: QuietRule): number {
  if (last === null) {
    return -Infinity;
  }
  return quietPeriodMs === 0 ? last.toMs : last.fromMs;
}
