import { InspectError, type Sample } from '../inspect/types.ts';
import { type Chronicle, createChronicle } from './chronicle.ts';
import type { Clock } from './clock.ts';
import {
  beginQuiet,
  drainedAtMs,
  isBlind,
  observe,
  type QuietRule,
  type QuietState,
  type TimedSample,
  verdict,
} from './quiet-period.ts';
import type { DrainConfig, DrainEvent, DrainOutcome } from './types.ts';

// A busy machine wakes a loop late by hundreds of milliseconds. That alone is no unwatched time, as
// long as it is but a part of the quiet period.
const usualDelayMs = 1000;

// An inspector that fails gives way after some looks: before that nobody is blind for good.
const shortestBlindnessMs = 1000;

// The second look that makes sure of a gone daemon need not wait for a long interval.
const longestSecondLookMs = 100;

export interface DrainInput {
  /** Takes one sample. */
  readonly sample: () => Sample;
  readonly config: DrainConfig;
  readonly clock: Clock;
  /** Raised, it ends the wait as `interrupted`, with the signal's reason in the outcome. */
  readonly signal: AbortSignal;
  /** Hears what happens while waiting. */
  readonly onEvent: (event: DrainEvent) => void;
}

/**
 * Waits until the last client is gone, and says how the wait ended.
 *
 * @throws only what `onEvent` throws: a sample that can't be taken is unknown, and unknown waits.
 */
export async function drain(input: DrainInput): Promise<DrainOutcome> {
  const { config, clock, signal, onEvent } = input;
  const startedMs = clock.now();
  const plan = planOf(config, startedMs);
  const chronicle = createChronicle(startedMs, plan, onEvent);
  let state = beginQuiet(startedMs);
  signal.addEventListener('abort', () => clock.wake(), { once: true });

  while (!signal.aborted) {
    const taken = take(input);
    const before = state;
    state = observe(before, taken, plan);
    chronicle.record(before, taken, state);

    const outcome = outcomeOf(state, taken, plan, chronicle);
    if (outcome !== null) {
      return outcome;
    }
    const nowMs = clock.now();
    await clock.sleep(Math.max(0, nextLookMs(state, plan, nowMs) - nowMs));
  }
  return { kind: 'interrupted', reason: signal.reason, ...chronicle.tally(clock.now()) };
}

interface Plan extends DrainConfig, QuietRule {
  readonly deadlineMs: number;
}

function planOf(config: DrainConfig, startedMs: number): Plan {
  return {
    ...config,
    maxGapMs: Math.max(2 * config.intervalMs, Math.min(usualDelayMs, config.quietPeriodMs / 2)),
    deadlineMs: config.timeoutMs === null ? Infinity : startedMs + config.timeoutMs,
  };
}

function take({ sample, clock }: DrainInput): TimedSample {
  const fromMs = clock.now();
  const taken = sampleOrFailure(sample);
  return { sample: taken, fromMs, toMs: clock.now() };
}

function sampleOrFailure(sample: () => Sample): Sample {
  try {
    return sample();
  } catch (cause) {
    const message = `a bug in buildkit-drain: ${cause instanceof Error ? cause.message : cause}`;
    const error = new InspectError('ERR_BUG', 'take a sample', message, { cause });
    return { kind: 'failed', error, looks: [], connections: [] };
  }
}

function outcomeOf(
  state: QuietState,
  { sample, toMs }: TimedSample,
  plan: Plan,
  chronicle: Chronicle,
): DrainOutcome | null {
  const said = verdict(state, plan);
  if (said !== 'waiting') {
    return { kind: said, ...chronicle.tally(toMs) };
  }
  // A daemon found gone gets its second look even at the deadline.
  const isOver = toMs >= plan.deadlineMs && sample.kind !== 'gone';
  if (
    sample.kind === 'failed' &&
    isBlind(sample) &&
    (isOver || isBlindTooLong(state, toMs, plan))
  ) {
    return { kind: 'blind', error: sample.error, ...chronicle.tally(toMs) };
  }
  const quietForMs = state.quietSinceMs === null ? null : toMs - state.quietSinceMs;
  return isOver ? { kind: 'timed-out', quietForMs, ...chronicle.tally(toMs) } : null;
}

function isBlindTooLong({ blindSinceMs }: QuietState, nowMs: number, plan: Plan): boolean {
  const patienceMs = Math.max(plan.quietPeriodMs, shortestBlindnessMs);
  return plan.onBlind === 'exit' && blindSinceMs !== null && nowMs - blindSinceMs >= patienceMs;
}

/** The interval's end, or what comes before it: the end of the quiet period, the deadline. */
function nextLookMs(state: QuietState, plan: Plan, nowMs: number): number {
  if (state.goneInARow > 0) {
    return nowMs + Math.min(plan.intervalMs, longestSecondLookMs);
  }
  return Math.min(nowMs + plan.intervalMs, drainedAtMs(state, plan) ?? Infinity, plan.deadlineMs);
}
