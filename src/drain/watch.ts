import type { Sample, Sampler } from '../backends/types.ts';
import type { BuildsSource } from '../builds/types.ts';
import { type BuildWatch, watchBuilds } from './build-watch.ts';
import type { ClassifyRule } from './classify.ts';
import { reviewEveryMs, unseenIn } from './classify-all.ts';
import type { Clock } from './clock.ts';
import type { BuildsState } from './named-builds.ts';
import { createPollRecorder } from './poll-recorder.ts';
import { createPollStep, type PollResult } from './poll-step.ts';
import {
  isClient,
  isNameless,
  oldestFirst,
  type TrackedConnection,
  type TrackedConnections,
} from './tracked.ts';
import type { DrainStatus, WatchEvent, WatchStatus } from './types.ts';
import { pollWhileUnchanged } from './unchanged-polls.ts';

export interface WatchInput {
  readonly sampler: Sampler;
  /** Asks the daemons which builds are running; null where they are not to be asked. */
  readonly builds: BuildsSource | null;
  /** Connections that no poll has seen: at least so many, this program's own among them. */
  readonly seenBetweenPolls: () => number;
  /** How many connections this program itself may have made over TCP. */
  readonly tcpConnections: () => number;
  readonly rule: ClassifyRule;
  readonly intervalMs: number;
  readonly clock: Clock;
  /** Aborted, it ends the watch. */
  readonly signal: AbortSignal;
  /** Called after each poll with the state, and with what has changed. */
  readonly onPoll: (status: WatchStatus, events: readonly WatchEvent[]) => void;
}

// To find that no daemon has come back, all processes are read.
const goneIntervalMs = 500;

// A watch for people has no quiet period of its own.
const shortestQuietMs = 10_000;

// What is new after a longer gap may be as old as that.
const longestGapMs = 1000;

/** Polls until it is aborted. A daemon that is gone may come back. */
export async function watch(input: WatchInput): Promise<void> {
  const { clock, signal, intervalMs, rule } = input;
  const startedMs = clock.now();
  const builds = watchBuilds(input.builds, clock);
  const poll = createPollStep({ ...input, builds });
  const record = createPollRecorder({ startedMs, rule, isNamed: () => true });
  const expireBuilds = createExpiry(builds, rule);
  const countUnseen = createUnseenCount(input.seenBetweenPolls, input.tcpConnections);
  let before: Sample | null = null;
  let beforeMs = -Infinity;
  let unseen = 0;
  let changedMs = -Infinity;
  signal.addEventListener('abort', () => clock.wake(), { once: true });

  while (!signal.aborted) {
    const polled = poll((toMs) => toMs - beforeMs < longestGapMs + 2 * intervalMs);
    const { toMs: nowMs, sample } = polled;
    const others = polled.tracked.filter((entry) => isOthers(entry, input.builds !== null));
    expireBuilds(polled);
    const latest = builds.latest();
    const { status, events: common } = record({
      ...{ toMs: nowMs, sample, tracked: others, all: polled.tracked },
      ...{ builds: latest, quietForMs: null },
    });
    const total = countUnseen(nowMs);
    const events = [
      ...common,
      ...goneEvents(before, status),
      ...(total > unseen ? [{ kind: 'between-polls', more: total - unseen, total } as const] : []),
    ];
    const tracked = oldestFirst(shownBy(sample, others), nowMs);
    input.onPoll({ ...status, tracked, seenBetweenPolls: total }, events);
    changedMs = events.some(isChange) ? nowMs : changedMs;
    [before, unseen] = [sample, total];
    if (sample.kind === 'gone') {
      builds.forget();
    }
    const need = { nowMs, hasClients: tracked.length > 0, changedMs };
    const askDue = askDueMs(builds.latest(), need);
    const callDueMs =
      sample.kind === 'counted' ? builds.askIfDue({ nowMs, sample }, askDue) : Infinity;
    if (!signal.aborted) {
      beforeMs = await untilNextPoll(input, polled, callDueMs);
    }
  }
}

/** Sleeps until the next full poll, and takes those that find no change. Returns the time of the last. */
async function untilNextPoll(
  { clock, intervalMs, sampler, seenBetweenPolls }: WatchInput,
  { toMs, sample, reviewDueMs, watchedDueMs, noteUnmoved }: PollResult,
  callDueMs: number,
): Promise<number> {
  if (sample.kind !== 'counted') {
    await clock.sleep(sample.kind === 'gone' ? Math.max(goneIntervalMs, intervalMs) : intervalMs);
    return toMs;
  }
  const plan = { intervalMs, longestGapMs: Infinity, lastMs: toMs, seenBetweenPolls };
  // What is shown of connections that stay should not be much older than that.
  const shownMs = toMs + reviewEveryMs;
  const dueMs = Math.min(watchedDueMs(), callDueMs, sampler.searchDueMs(), shownMs);
  const watched =
    reviewDueMs <= toMs && dueMs > toMs + intervalMs
      ? await pollWhileUnchanged(clock, sampler, { ...plan, untilMs: dueMs, seesTraffic: true })
      : null;
  if (watched !== null) {
    noteUnmoved(watched.lastMs);
    return watched.lastMs;
  }
  const untilMs = Math.min(reviewDueMs, callDueMs);
  const unread = { ...plan, untilMs, seesTraffic: false };
  return (await pollWhileUnchanged(clock, sampler, unread))?.lastMs ?? toMs;
}

/** Makes the function that drops the named builds which would hold a wait no longer. */
function createExpiry(builds: BuildWatch, { quietPeriodMs }: ClassifyRule) {
  let socketsQuietSinceMs: number | null = null;
  return ({ toMs: nowMs, sample, tracked }: PollResult): void => {
    const isQuiet = sample.kind === 'counted' && !tracked.some(isClient);
    socketsQuietSinceMs = isQuiet ? (socketsQuietSinceMs ?? nowMs) : null;
    const seen = { nowMs, sample, tracked, socketsQuietSinceMs };
    builds.expire(seen, Math.max(quietPeriodMs, shortestQuietMs));
  };
}

function isChange({ kind }: WatchEvent): boolean {
  return kind === 'changed' || kind === 'between-polls';
}

// A connection without a name may be this program's question, for as long as that may take.
function isOthers(entry: TrackedConnection, isAsked: boolean): boolean {
  const isVague = entry.kind === 'pending' && isNameless(entry) && isAsked;
  return entry.kind !== 'own' && !isVague;
}

function shownBy(sample: Sample, tracked: TrackedConnections): TrackedConnections {
  const unseen = sample.kind === 'failed' ? unseenIn(sample, tracked) : [];
  return tracked.filter((entry) => !unseen.includes(entry));
}

function goneEvents(before: Sample | null, status: DrainStatus): WatchEvent[] {
  const { kind } = status.sample;
  if (before === null || (kind === 'gone') === (before.kind === 'gone')) {
    return [];
  }
  return kind === 'gone' ? [{ kind }] : kind === 'counted' ? [{ kind: 'back', ...status }] : [];
}

const shortestPauseMs = 2000;
// Several builds may run over one connection, one after the other.
const busyPauseMs = 5000;

interface AskNeed {
  readonly nowMs: number;
  readonly hasClients: boolean;
  /** When a connection last came or went. */
  readonly changedMs: number;
}

/** When a watch has to ask: when the answer may differ from the one before, which is not at each poll. */
function askDueMs(latest: BuildsState | null, { nowMs, hasClients, changedMs }: AskNeed): number {
  if (latest === null) {
    return nowMs;
  }
  const { askedMs, answeredMs, answer, named } = latest;
  const isBusy = named.length > 0 || (hasClients && answer.kind === 'known');
  // A new connection may begin its build a moment after the answer: one more question.
  return Math.min(
    changedMs >= askedMs ? answeredMs + shortestPauseMs : Infinity,
    isBusy ? answeredMs + busyPauseMs : Infinity,
  );
}

// A question may take a second and more, and the end of its connection is known a moment later.
const questionMs = 3000;

/**
 * Makes the function that counts the connections that no poll has seen: at least so many, and without
 * those that may have been this program's own questions.
 */
function createUnseenCount(
  seenBetweenPolls: () => number,
  questions: () => number,
): (nowMs: number) => number {
  let seen = 0;
  let asked = 0;
  let count = 0;
  // Until when each question may be among those counted.
  let possible: readonly number[] = [];

  return (nowMs) => {
    const askedBefore = asked;
    asked = questions();
    possible = [
      ...possible.filter((endMs) => endMs > nowMs),
      ...Array<number>(asked - askedBefore).fill(nowMs + questionMs),
    ];
    const more = seenBetweenPolls() - seen;
    const own = Math.min(more, possible.length);
    possible = possible.slice(own);
    seen += more;
    count += more - own;
    return count;
  };
}
