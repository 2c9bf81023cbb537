import type { Sampler } from '../backends/types.ts';
import type { BuildsSource } from '../builds/types.ts';
import { watchBuilds } from './build-watch.ts';
import type { Clock } from './clock.ts';
import { createPollStep, type PollResult } from './poll-step.ts';
import {
  beginQuiet,
  drainedAtMs,
  gapMs,
  isUnknown,
  observe,
  observeNothingNew,
  type QuietRule,
  type QuietState,
  type Reading,
  verdict,
} from './quiet-period.ts';
import { createDrainRecorder, type DrainRecorder } from './recorder.ts';
import type { DrainConfig, DrainEvent, DrainOutcome, DrainStatus } from './types.ts';

// A busy machine wakes a loop late by hundreds of milliseconds. That alone is no unwatched time, as
// long as it is but a part of the quiet period.
const usualDelayMs = 1000;

// A backend that fails gives way after some looks: before that nobody is blind for good.
const shortestBlindnessMs = 1000;

// The second look that makes sure of a gone daemon need not wait for a long interval.
const longestSecondLookMs = 100;

// While nothing can end the wait but what wakes it, looks are only for the log, and for what is known
// of who is there. docs/decisions/cost.md has the reasons.
const heldIntervalMs = 1000;

export interface DrainInput {
  /** Takes the samples. Whoever has a backend tell of ends has to wake the clock with it. */
  readonly sampler: Sampler;
  /** Asks the daemon which builds are running; null where it is not to be asked. */
  readonly builds: BuildsSource | null;
  readonly config: DrainConfig;
  readonly clock: Clock;
  /** Raised, it ends the wait as `interrupted`, with the signal's reason in the outcome. */
  readonly signal: AbortSignal;
  /** Hears what happens while waiting. */
  readonly onEvent: (event: DrainEvent) => void;
  /** Hears how things stand after each look, but for those that find everything as it was. */
  readonly onPoll?: (status: DrainStatus) => void;
}

/**
 * Waits until the last client is gone, and says how the wait ended.
 *
 * @throws only what `onEvent` and `onLook` throw: a sample that can't be taken is unknown, and unknown waits.
 */
export async function drain(input: DrainInput): Promise<DrainOutcome> {
  const { config, clock, signal, sampler, onEvent } = input;
  const startedMs = clock.now();
  const plan = planOf(config, startedMs);
  const recorder = createDrainRecorder(startedMs, plan, onEvent, input.onPoll);
  const builds = watchBuilds({
    source: input.builds,
    isRequired: config.builds === 'require',
    quietPeriodMs: config.quietPeriodMs,
    clock,
  });
  const result = createPollStep({ sampler, builds, rule: plan, clock });
  let state = beginQuiet(startedMs);
  let isHeld = false;
  signal.addEventListener('abort', () => clock.wake(), { once: true });

  while (!signal.aborted) {
    const before = state;
    // Who has come since a look long ago is not as young as it seems.
    const longestGapMs = isHeld ? 2 * plan.intervalMs : plan.maxGapMs;
    const isWatched = (toMs: number): boolean => gapMs(before, toMs) <= longestGapMs;
    const observation = result(isWatched);
    const { sample, reading, socketsQuietSinceMs, hasIdle } = observation;
    isHeld = observation.isHeld;
    state = observe(before, reading, plan);
    const askDueMs = builds.askIfDue({
      ...{ nowMs: reading.toMs, sample, socketsQuietSinceMs, hasIdle },
      drainedAtMs: drainedAtMs(state, plan),
      dueSinceMs: state.dueSinceMs,
      progressDueMs: recorder.progressDueMs(),
    });
    const isAsking = builds.isAsking();
    recorder.record({ ...observation, builds: builds.latest(), isAsking, before, after: state });

    const outcome = outcomeOf(state, reading, plan, recorder);
    if (outcome !== null) {
      return outcome;
    }
    const reviewDueMs = Math.min(observation.reviewDueMs, askDueMs);
    const next = { ...observation, reviewDueMs };
    state = await untilNextLook(state, next, plan, input, recorder, isAsking);
  }
  return { kind: 'interrupted', reason: signal.reason, ...recorder.stats(clock.now()) };
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

function outcomeOf(
  state: QuietState,
  reading: Reading,
  plan: Plan,
  recorder: DrainRecorder,
): DrainOutcome | null {
  const { toMs } = reading;
  const said = verdict(state, plan);
  if (said !== 'waiting') {
    const stats = recorder.stats(toMs);
    const wasNever = stats.sample?.kind === 'gone' && !stats.sample.wasThere;
    return { kind: wasNever ? 'nothing-found' : said, ...stats };
  }
  // A daemon found gone gets its second look even at the deadline.
  const isOver = toMs >= plan.deadlineMs && reading.kind !== 'gone';
  if (isUnknown(reading) && (isOver || isUnknownTooLong(state, toMs, plan))) {
    return { kind: 'unknown', error: reading.error, ...recorder.stats(toMs) };
  }
  const quietForMs = state.quietSinceMs === null ? null : toMs - state.quietSinceMs;
  return isOver ? { kind: 'timed-out', quietForMs, ...recorder.stats(toMs) } : null;
}

function isUnknownTooLong({ unknownSinceMs }: QuietState, nowMs: number, plan: Plan): boolean {
  const patienceMs = Math.max(plan.quietPeriodMs, shortestBlindnessMs);
  return (
    plan.onUnknown === 'exit' && unknownSinceMs !== null && nowMs - unknownSinceMs >= patienceMs
  );
}

/** Sleeps, and on the way takes the looks that find nothing new. Returns the state after them. */
async function untilNextLook(
  state: QuietState,
  observation: PollResult,
  plan: Plan,
  { clock, sampler }: DrainInput,
  recorder: DrainRecorder,
  isAsking: boolean,
): Promise<QuietState> {
  const nowMs = clock.now();
  const { reading, reviewDueMs, isHeld } = observation;
  const dueMs = nextDueMs(state, plan, isAsking ? Infinity : recorder.progressDueMs(), nowMs);
  if (isHeld) {
    const lookMs = nowMs + Math.max(plan.intervalMs, heldIntervalMs);
    await clock.sleep(Math.min(lookMs, dueMs) - nowMs);
    return state;
  }
  const nextMs = Math.min(nowMs + intervalMs(state, plan), dueMs);
  if (nextMs === dueMs || reviewDueMs <= nowMs || reading.kind !== 'counted') {
    await clock.sleep(Math.max(0, nextMs - nowMs));
    return state;
  }
  let lookedMs = state.last?.fromMs ?? nowMs;
  await clock.repeat(plan.intervalMs, () => {
    const fromMs = clock.now();
    const isDue = fromMs >= reviewDueMs || fromMs + plan.intervalMs > dueMs;
    if (isDue || fromMs - lookedMs > plan.maxGapMs || !sampler.isUnchanged()) {
      return true;
    }
    lookedMs = fromMs;
    recorder.countPoll();
    return false;
  });
  return observeNothingNew(state, lookedMs);
}

function intervalMs({ goneInARow }: QuietState, plan: Plan): number {
  return goneInARow > 0 ? Math.min(plan.intervalMs, longestSecondLookMs) : plan.intervalMs;
}

/** What is not to wait for the interval's end: the end of the quiet period, the deadline, … */
function nextDueMs(state: QuietState, plan: Plan, progressDueMs: number, nowMs: number): number {
  // Of a daemon that looks gone, the second look is waited for, even at the deadline.
  const deadlineMs = state.goneInARow > 0 ? Infinity : plan.deadlineMs;
  // Once that is due, the answer that is missing wakes the loop.
  const drainedMs = state.dueSinceMs === null ? drainedAtMs(state, plan) : null;
  const firstMs = Math.min(drainedMs ?? Infinity, deadlineMs, progressDueMs);
  // What has come due since the look was taken is due at once.
  return Math.max(nowMs, firstMs);
}
