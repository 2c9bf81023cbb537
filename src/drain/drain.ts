import type { Sampler } from '../backends/types.ts';
import type { BuildsSource } from '../builds/types.ts';
import { createAssessment } from './assess.ts';
import { waitAskDueMs, watchBuilds } from './build-watch.ts';
import { reviewEveryMs } from './classify-all.ts';
import type { Clock } from './clock.ts';
import { createPollStep, type PollResult } from './poll-step.ts';
import {
  beginQuiet,
  drainedAtMs,
  gapMs,
  isUnknown,
  observe,
  observeNoChange,
  type QuietRule,
  type QuietState,
  type Reading,
  verdict,
} from './quiet-period.ts';
import { createDrainRecorder, type DrainRecorder } from './recorder.ts';
import type { DrainConfig, DrainEvent, DrainOutcome, DrainStatus } from './types.ts';
import { pollWhileUnchanged } from './unchanged-polls.ts';

// A busy machine wakes a loop late by hundreds of milliseconds. That alone is no sampling gap, as long
// as it is a small part of the quiet period.
const usualDelayMs = 1000;

// A backend that fails is replaced after some polls: before that, a failure may not last.
const shortestUnknownMs = 1000;

// The second poll that confirms a gone daemon need not wait for a long interval.
const longestSecondPollMs = 100;

// While only what wakes the loop can end the wait, polls are for the log, and for what is known of the
// connections. docs/decisions/cost.md has the reasons.
const heldIntervalMs = 1000;

/** The deadline of a wait, where it may change. */
export interface DeadlineSource {
  /** Milliseconds from the start; null for none. */
  readonly timeoutMs: () => number | null;
  /** Sets what is called when it changes. */
  readonly onChange: (callback: () => void) => void;
}

export interface DrainInput {
  /** Takes the samples. Where a backend announces ends, that has to wake the clock. */
  readonly sampler: Sampler;
  /** Asks the daemons which builds are running; null where they are not to be asked. */
  readonly builds: BuildsSource | null;
  readonly config: DrainConfig;
  readonly clock: Clock;
  /** Used instead of the deadline in `config`. */
  readonly deadline?: DeadlineSource;
  /** Aborted, it ends the wait as `interrupted`, with the signal's reason in the outcome. */
  readonly signal: AbortSignal;
  /** Called with each event while waiting. */
  readonly onEvent: (event: DrainEvent) => void;
  /** Called with the state after each poll, except those that find no change. */
  readonly onPoll?: (status: DrainStatus) => void;
}

/**
 * Waits until the last client is gone, and returns how the wait ended.
 *
 * @throws only what `onEvent` and `onPoll` throw: a sample that can't be taken is unknown, and unknown waits.
 */
export async function drain(input: DrainInput): Promise<DrainOutcome> {
  const { config, clock, signal, sampler, onEvent } = input;
  const startedMs = clock.now();
  const plan = planOf(input, startedMs);
  input.deadline?.onChange(() => clock.wake());
  const recorder = createDrainRecorder(startedMs, plan, onEvent, input.onPoll);
  const builds = watchBuilds(input.builds, clock);
  const isAsked = input.builds !== null;
  const isRequired = config.builds === 'require';
  const poll = createPollStep({ sampler, builds, rule: plan, clock });
  const assess = createAssessment({ sampler, builds, isAsked, isRequired, rule: plan });
  let state = beginQuiet(startedMs);
  let isHeld = false;
  signal.addEventListener('abort', () => clock.wake(), { once: true });

  while (!signal.aborted) {
    const before = state;
    // What is new after a longer gap is not as young as it looks.
    const longestGapMs = isHeld ? 2 * plan.intervalMs : plan.maxGapMs;
    const polled = poll((toMs) => gapMs(before, toMs) <= longestGapMs);
    const assessment = assess(polled);
    const { reading, socketsQuietSinceMs, hasIdle } = assessment;
    isHeld = assessment.isHeld;
    state = observe(before, reading, plan);
    const { toMs: nowMs, sample } = polled;
    const need = {
      ...{ nowMs, socketsQuietSinceMs, hasIdle },
      drainedAtMs: drainedAtMs(state, plan),
      dueSinceMs: state.dueSinceMs,
      progressDueMs: recorder.progressDueMs(),
    };
    const askDueMs = waitAskDueMs(builds.latest(), need, isRequired);
    const callDueMs = builds.askIfDue({ nowMs, sample }, askDueMs);
    const isAsking = builds.isAsking();
    const found = { ...polled, ...assessment, builds: builds.latest(), isAsking };
    recorder.record({ ...found, before, after: state });

    const outcome = outcomeOf(state, reading, plan, recorder);
    if (outcome !== null) {
      return outcome;
    }
    const next = { ...polled, reading, isHeld, callDueMs, isAsking };
    state = await untilNextPoll(state, next, plan, input, recorder);
  }
  return { kind: 'interrupted', reason: signal.reason, ...recorder.stats(clock.now()) };
}

interface Plan extends DrainConfig, QuietRule {
  readonly deadlineMs: number;
}

function planOf({ config, deadline }: DrainInput, startedMs: number): Plan {
  return {
    ...config,
    maxGapMs: Math.max(2 * config.intervalMs, Math.min(usualDelayMs, config.quietPeriodMs / 2)),
    get deadlineMs() {
      const timeoutMs = deadline === undefined ? config.timeoutMs : deadline.timeoutMs();
      return timeoutMs === null ? Infinity : startedMs + timeoutMs;
    },
  };
}

function outcomeOf(
  state: QuietState,
  reading: Reading,
  plan: Plan,
  recorder: DrainRecorder,
): DrainOutcome | null {
  const { toMs } = reading;
  const kind = verdict(state, plan);
  if (kind !== 'waiting') {
    const stats = recorder.stats(toMs);
    const wasNever = stats.sample?.kind === 'gone' && !stats.sample.wasThere;
    return { kind: wasNever ? 'nothing-found' : kind, ...stats };
  }
  // A gone daemon is polled for the second time even at the deadline.
  const isOver = toMs >= plan.deadlineMs && reading.kind !== 'gone';
  if (isUnknown(reading) && (isOver || isUnknownTooLong(state, toMs, plan))) {
    return { kind: 'unknown', error: reading.error, ...recorder.stats(toMs) };
  }
  const quietForMs = state.quietSinceMs === null ? null : toMs - state.quietSinceMs;
  return isOver ? { kind: 'timed-out', quietForMs, ...recorder.stats(toMs) } : null;
}

function isUnknownTooLong({ unknownSinceMs }: QuietState, nowMs: number, plan: Plan): boolean {
  const patienceMs = Math.max(plan.quietPeriodMs, shortestUnknownMs);
  return (
    plan.onUnknown === 'exit' && unknownSinceMs !== null && nowMs - unknownSinceMs >= patienceMs
  );
}

interface Pause extends Pick<PollResult, 'reviewDueMs' | 'watchedDueMs' | 'noteUnmoved'> {
  readonly reading: Reading;
  readonly isHeld: boolean;
  readonly isAsking: boolean;
  /** When the daemon is to be asked. */
  readonly callDueMs: number;
}

/** Sleeps until the next full poll, and takes the polls that find no change. Returns the state after them. */
async function untilNextPoll(
  state: QuietState,
  pause: Pause,
  plan: Plan,
  input: DrainInput,
  recorder: DrainRecorder,
): Promise<QuietState> {
  const { clock, sampler } = input;
  const { reading, isHeld, isAsking } = pause;
  const nowMs = clock.now();
  const dueMs = nextDueMs(state, plan, isAsking ? Infinity : recorder.progressDueMs(), nowMs);
  const pauseMs = isHeld ? Math.max(plan.intervalMs, heldIntervalMs) : intervalMs(state, plan);
  const nextMs = Math.min(nowMs + pauseMs, dueMs);
  const review = reviewOf(pause, nowMs, input);
  const hasPolls = reading.kind === 'counted' && Math.min(review.dueMs, dueMs) > nowMs + pauseMs;
  const unchanged = hasPolls
    ? await pollWhileUnchanged(clock, sampler, {
        intervalMs: pauseMs,
        untilMs: Math.min(review.dueMs, dueMs - pauseMs),
        longestGapMs: isHeld ? Infinity : plan.maxGapMs,
        lastMs: state.last?.fromMs ?? nowMs,
        seesTraffic: review.seesTraffic,
      })
    : null;
  if (unchanged === null) {
    await clock.sleep(Math.max(0, nextMs - nowMs));
    return state;
  }
  recorder.countPolls(unchanged.polls);
  if (review.seesTraffic && unchanged.polls > 0) {
    pause.noteUnmoved(unchanged.lastMs);
  }
  return observeNoChange(state, unchanged.lastMs);
}

interface Review {
  /** When a full poll is due although nothing changes. */
  readonly dueMs: number;
  /** Whether that is only so because no traffic moves, either. */
  readonly seesTraffic: boolean;
}

function reviewOf(
  { isHeld, reviewDueMs, callDueMs, watchedDueMs }: Pause,
  nowMs: number,
  { sampler, onPoll }: DrainInput,
): Review {
  if (!isHeld && reviewDueMs > nowMs) {
    return { dueMs: Math.min(reviewDueMs, callDueMs), seesTraffic: false };
  }
  // What is shown of connections that stay should not be much older than that.
  const shownMs = onPoll === undefined ? Infinity : nowMs + reviewEveryMs;
  const dueMs = Math.min(watchedDueMs(), callDueMs, sampler.searchDueMs(), shownMs);
  return { dueMs, seesTraffic: true };
}

function intervalMs({ goneInARow }: QuietState, plan: Plan): number {
  return goneInARow > 0 ? Math.min(plan.intervalMs, longestSecondPollMs) : plan.intervalMs;
}

/** What does not wait for the interval's end: the end of the quiet period, the deadline, … */
function nextDueMs(state: QuietState, plan: Plan, progressDueMs: number, nowMs: number): number {
  // A daemon that looks gone is polled for the second time, even at the deadline.
  const deadlineMs = state.goneInARow > 0 ? Infinity : plan.deadlineMs;
  // Once that is due, the missing answer wakes the loop.
  const drainedMs = state.dueSinceMs === null ? drainedAtMs(state, plan) : null;
  const firstMs = Math.min(drainedMs ?? Infinity, deadlineMs, progressDueMs);
  // What has come due since the poll is due at once.
  return Math.max(nowMs, firstMs);
}
