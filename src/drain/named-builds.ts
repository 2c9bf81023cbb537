import type { Sample } from '../backends/types.ts';
import { combineAnswers, isReplyWithoutBuilds } from '../builds/answers.ts';
import type { Build, BuildsAnswer, DaemonAnswer } from '../builds/types.ts';
import type { BuildsEvidence } from './classify.ts';
import type { TrackedConnection, TrackedConnections } from './tracked.ts';
import type { ExpiryReason, NamedBuilds } from './types.ts';

/** What the daemons have answered about their builds, and when. All times are in milliseconds. */
export interface BuildsState extends BuildsEvidence {
  /** The latest answers, combined into one. */
  readonly answer: BuildsAnswer;
  readonly answers: readonly DaemonAnswer[];
  readonly answeredMs: number;
  /** The builds in each daemon's last certain answer. */
  readonly named: readonly NamedBuilds[];
  /** The end of the latest build on record, by the daemons' wall clock; null where none is known. */
  readonly lastEndedAtMs: number | null;
  /** When the latest build ended that no answer had named; null where there was none. */
  readonly endedMs: number | null;
}

/** When a question was asked and answered, and the wall clock's time at the answer. */
export interface AskTimes {
  readonly askedMs: number;
  readonly answeredMs: number;
  readonly wallMs: number;
  /** When the wait began. */
  readonly startedMs: number;
}

/** The state after new answers. */
export function nextBuildsState(
  before: BuildsState | null,
  answers: readonly DaemonAnswer[],
  times: AskTimes,
): BuildsState {
  const { askedMs, answeredMs } = times;
  const answer = combineAnswers(answers.map((each) => each.answer));
  const isNone = answer.kind === 'known' && answer.builds.length === 0;
  const lastEndedAtMs = isNone ? answer.lastEndedAtMs : null;
  return {
    answer,
    answers,
    askedMs,
    answeredMs,
    named: namedBuildsAfter(before?.named ?? [], answers, askedMs),
    noneSinceMs: isNone ? (before?.noneSinceMs ?? askedMs) : null,
    lastEndedAtMs: latest(before?.lastEndedAtMs ?? null, lastEndedAtMs),
    endedMs: latest(before?.endedMs ?? null, endOf(before, lastEndedAtMs, times)),
  };
}

/**
 * When the latest build on record ended, if that was after the answer before. The record's time is of
 * a wall clock, which may have been set since: it is bounded by the monotonic times of the answers.
 */
function endOf(
  before: BuildsState | null,
  lastEndedAtMs: number | null,
  { answeredMs, wallMs, startedMs }: AskTimes,
): number | null {
  const known = before?.lastEndedAtMs ?? null;
  if (lastEndedAtMs === null || (known !== null && lastEndedAtMs <= known)) {
    return null;
  }
  const ageMs = wallMs - lastEndedAtMs;
  if (before === null || known === null) {
    const isOfThisWait = ageMs >= 0 && answeredMs - ageMs >= startedMs;
    return isOfThisWait ? answeredMs - ageMs : null;
  }
  return answeredMs - Math.min(Math.max(0, ageMs), answeredMs - before.askedMs);
}

function latest(one: number | null, other: number | null): number | null {
  return one === null || other === null ? (one ?? other) : Math.max(one, other);
}

/** Whether two answers name the same builds, or fail for the same reason. */
export function isSameAnswer(before: BuildsAnswer | undefined, now: BuildsAnswer): boolean {
  if (before?.kind === 'known' && now.kind === 'known') {
    const refs = new Set(before.builds.map(({ ref }) => ref));
    return refs.size === now.builds.length && now.builds.every(({ ref }) => refs.has(ref));
  }
  return (
    before?.kind === 'unknown' && now.kind === 'unknown' && before.error.code === now.error.code
  );
}

/**
 * A build ends within 30 ms of its client's connection. Where the daemon does not say whether it has,
 * it may hold the wait for this long after the last client, and no longer.
 */
export function longestNamedMs(quietPeriodMs: number): number {
  return 6 * quietPeriodMs;
}

/** The named builds after new answers: the new ones, and earlier ones that no certain answer replaces. */
export function namedBuildsAfter(
  before: readonly NamedBuilds[],
  answers: readonly DaemonAnswer[],
  askedMs: number,
): NamedBuilds[] {
  const named = answers.flatMap(({ listeners, answer }): NamedBuilds[] =>
    answer.kind === 'known' && answer.builds.length > 0
      ? [{ listeners, builds: answer.builds, askedMs }]
      : [],
  );
  const certain = answers.filter(({ answer }) => answer.kind === 'known');
  const isAnswered = ({ listeners }: NamedBuilds): boolean =>
    certain.some((answer) => isSameDaemon(answer.listeners, listeners));
  // A daemon whose endpoints are not known to be of one process has named its builds at each of them.
  const over = new Set(before.filter(isAnswered).flatMap(({ builds }) => builds.map(refOf)));
  const isOver = ({ builds }: NamedBuilds): boolean =>
    builds.every((build) => over.has(refOf(build)));
  return [...named, ...before.filter((each) => !isAnswered(each) && !isOver(each))];
}

/** What decides whether named builds still hold the wait. */
export interface ExpiryInput {
  readonly nowMs: number;
  readonly sample: Sample;
  readonly tracked: TrackedConnections;
  /** Since when the sockets show no more than the allowed clients; null where they do not. */
  readonly socketsQuietSinceMs: number | null;
}

/** Why named builds hold the wait no longer; null while they do. */
export function expiryOf(
  named: NamedBuilds,
  answers: readonly DaemonAnswer[],
  { nowMs, sample, tracked, socketsQuietSinceMs }: ExpiryInput,
  quietPeriodMs: number,
): ExpiryReason | null {
  if (sample.kind !== 'counted') {
    return null;
  }
  if (!isSameDaemon(named.listeners, listenersIn(sample))) {
    return 'daemon-gone';
  }
  const latest = answers.find(({ listeners }) => isSameDaemon(listeners, named.listeners));
  if (latest === undefined || latest.answer.kind === 'known') {
    return null;
  }
  if (isReplyWithoutBuilds(latest.answer.error) && !tracked.some(mayCarryBuild)) {
    return 'no-connection';
  }
  const silentSinceMs = Math.max(named.askedMs, socketsQuietSinceMs ?? nowMs);
  return nowMs - silentSinceMs >= longestNamedMs(quietPeriodMs) ? 'too-old' : null;
}

function mayCarryBuild({ kind }: TrackedConnection): boolean {
  return kind !== 'own' && kind !== 'ignored' && kind !== 'health-check';
}

function listenersIn({ results }: Sample): number[] {
  return results.flatMap((result) =>
    result.kind === 'polled' ? result.snapshot.listenerInodes : [],
  );
}

function isSameDaemon(some: readonly number[], others: readonly number[]): boolean {
  return some.some((inode) => others.includes(inode));
}

function refOf({ ref }: Build): string {
  return ref;
}
