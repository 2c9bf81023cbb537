import type { BackendError } from '../backends/types.ts';

/** When a wait may end. */
export interface QuietRule {
  /** How long quiet must last without a break, in milliseconds. */
  readonly quietPeriodMs: number;
  /** No wait is drained before this much time has passed since its start, in milliseconds. */
  readonly minWaitMs: number;
  /** Up to this many clients are quiet. */
  readonly maxConnections: number;
  /**
   * Readings further apart than this leave a stretch of time that nobody watched, and what was not
   * watched was not quiet. In milliseconds.
   */
  readonly maxGapMs: number;
}

/** What one sample comes to, with the time that taking it began and ended, in milliseconds. */
export type Reading = CountedReading | FailedReading | GoneReading;

interface Timed {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface CountedReading extends Timed {
  readonly kind: 'counted';
  readonly clients: number;
  /** Connections too young to be told from a probe. They break no quiet, and let none end. */
  readonly pending: number;
  /** How many of those may be this program's own question to the daemon. */
  readonly maybeOwn: number;
  /** What the daemon has said of its builds, as far as it counts here. */
  readonly builds: 'none' | 'running';
  /** Up to when the daemon's latest answer counts; null where it is not to be asked. */
  readonly askedMs: number | null;
  /** When a client or a build was last there that no count has shown; null where none was. */
  readonly endedMs: number | null;
}

export interface FailedReading extends Timed {
  readonly kind: 'failed';
  readonly error: BackendError;
  /** The clients that were seen all the same: a lower bound, not a count. */
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
  /** Since when nothing but a fresh answer of the daemon keeps the wait from its end. */
  readonly dueSinceMs: number | null;
  /** Since when no sample has shown anything. */
  readonly unknownSinceMs: number | null;
  /** How many samples in a row found the daemon gone. */
  readonly goneInARow: number;
}

export type Verdict = 'waiting' | 'drained' | 'gone';

const looksToBeGone = 2;

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

/** Whether the quiet period has passed and leaves nothing open, the daemon's last word apart. */
function isDue(state: QuietState, rule: QuietRule): boolean {
  const drainedMs = drainedAtMs(state, rule);
  return drainedMs !== null && certainMs(state, rule) >= drainedMs;
}

/** The state after one more look, begun at this time, that has found everything as it was. */
export function observeNothingNew(state: QuietState, fromMs: number): QuietState {
  return { ...state, last: state.last && { ...state.last, fromMs, toMs: fromMs } };
}

/** The longest time that can lie between what is seen at `toMs` and what was seen before. */
export function gapMs({ last }: QuietState, toMs: number): number {
  return last === null ? 0 : toMs - last.fromMs;
}

/** Whether a reading shows nothing at all: neither a count nor any client. */
export function isUnknown(reading: Reading): reading is FailedReading {
  return reading.kind === 'failed' && reading.seen === 0;
}

/**
 * What the readings so far allow to say. The rule that everything else serves: `drained` only if
 * for a whole quiet period every reading was a vouched-for count within the allowed number, the last
 * one leaves nothing open, and the daemon, asked after all that, does not say that a build runs. An
 * answer counts for what lay before its question, never for what came after.
 */
export function verdict({ goneInARow, dueSinceMs, last }: QuietState, rule: QuietRule): Verdict {
  if (goneInARow >= looksToBeGone) {
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
// only. A period of zero is one look, whenever in that time it was.
function certainMs({ last }: QuietState, { quietPeriodMs }: QuietRule): number {
  if (last === null) {
    return -Infinity;
  }
  return quietPeriodMs === 0 ? last.toMs : last.fromMs;
}
