import type { Sample } from '../backends/types.ts';
import { isReplyWithoutBuilds } from '../builds/answers.ts';
import type { Build, DaemonAnswer } from '../builds/types.ts';
import type { TrackedConnections } from './tracked.ts';
import type { ExpiryReason, NamedBuilds } from './types.ts';

/**
 * A build ends within 30 ms of its client's connection. Where the daemon does not say whether it has,
 * it is believed to run for this long after the last client, and no longer.
 */
export function longestNamedMs(quietPeriodMs: number): number {
  return 6 * quietPeriodMs;
}

/** The words after new answers: those that name builds, and earlier ones that nothing has ended. */
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
  // A daemon that is not known to be one has named them at each of its addresses.
  const over = new Set(before.filter(isAnswered).flatMap(({ builds }) => builds.map(refOf)));
  const isOver = ({ builds }: NamedBuilds): boolean =>
    builds.every((build) => over.has(refOf(build)));
  return [...named, ...before.filter((word) => !isAnswered(word) && !isOver(word))];
}

/** What tells whether a word still counts. */
export interface ExpiryInput {
  readonly nowMs: number;
  readonly sample: Sample;
  readonly tracked: TrackedConnections;
  readonly answers: readonly DaemonAnswer[];
  /** Since when the sockets show no more than the allowed clients; null where they do not. */
  readonly socketsQuietSinceMs: number | null;
  readonly quietPeriodMs: number;
}

/** Why a word is no evidence any more; null while it is. */
export function expiryOf(word: NamedBuilds, situation: ExpiryInput): ExpiryReason | null {
  const { nowMs, sample, tracked, answers, socketsQuietSinceMs, quietPeriodMs } = situation;
  if (sample.kind !== 'counted') {
    return null;
  }
  if (!isSameDaemon(word.listeners, listenersIn(sample))) {
    return 'daemon-gone';
  }
  const latest = answers.find(({ listeners }) => isSameDaemon(listeners, word.listeners));
  if (latest === undefined || latest.answer.kind === 'known') {
    return null;
  }
  if (isReplyWithoutBuilds(latest.answer.error) && !tracked.some(mayCarryBuild)) {
    return 'no-connection';
  }
  const silentSinceMs = Math.max(word.askedMs, socketsQuietSinceMs ?? nowMs);
  return nowMs - silentSinceMs >= longestNamedMs(quietPeriodMs) ? 'too-old' : null;
}

function mayCarryBuild({ kind }: TrackedConnections[number]): boolean {
  return kind !== 'own' && kind !== 'health-check';
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
