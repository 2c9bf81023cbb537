import type { Sample } from '../backends/types.ts';
import { isReplyWithoutBuilds } from '../builds/answers.ts';
import type { Build, DaemonAnswer } from '../builds/types.ts';
import type { Roster } from './tracked.ts';
import type { LastWord, WordEnd } from './types.ts';

/**
 * A build ends within 30 ms of its client's connection. Where the daemon does not say whether it has,
 * it is believed to run for this long after the last client, and no longer.
 */
export function longestWordMs(quietPeriodMs: number): number {
  return 6 * quietPeriodMs;
}

/** The words after new answers: those that name builds, and earlier ones that nothing has ended. */
export function wordsAfter(
  before: readonly LastWord[],
  answers: readonly DaemonAnswer[],
  askedMs: number,
): LastWord[] {
  const named = answers.flatMap(({ listeners, answer }): LastWord[] =>
    answer.kind === 'known' && answer.builds.length > 0
      ? [{ listeners, builds: answer.builds, askedMs }]
      : [],
  );
  const certain = answers.filter(({ answer }) => answer.kind === 'known');
  const isAnswered = ({ listeners }: LastWord): boolean =>
    certain.some((answer) => isSameDaemon(answer.listeners, listeners));
  // A daemon that is not known to be one has named them at each of its addresses.
  const over = new Set(before.filter(isAnswered).flatMap(({ builds }) => builds.map(refOf)));
  const isOver = ({ builds }: LastWord): boolean => builds.every((build) => over.has(refOf(build)));
  return [...named, ...before.filter((word) => !isAnswered(word) && !isOver(word))];
}

/** What tells whether a word still counts. */
export interface WordSituation {
  readonly nowMs: number;
  readonly sample: Sample;
  readonly roster: Roster;
  readonly answers: readonly DaemonAnswer[];
  /** Since when the sockets show no more than the allowed clients; null where they do not. */
  readonly socketsQuietSinceMs: number | null;
  readonly quietPeriodMs: number;
}

/** Why a word is no evidence any more; null while it is. */
export function endOfWord(word: LastWord, situation: WordSituation): WordEnd | null {
  const { nowMs, sample, roster, answers, socketsQuietSinceMs, quietPeriodMs } = situation;
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
  if (isReplyWithoutBuilds(latest.answer.error) && !roster.some(mayCarryBuild)) {
    return 'no-connection';
  }
  const silentSinceMs = Math.max(word.askedMs, socketsQuietSinceMs ?? nowMs);
  return nowMs - silentSinceMs >= longestWordMs(quietPeriodMs) ? 'too-old' : null;
}

function mayCarryBuild({ standing }: Roster[number]): boolean {
  return standing !== 'own' && standing !== 'health-check';
}

function listenersIn({ looks }: Sample): number[] {
  return looks.flatMap((look) => (look.kind === 'seen' ? look.sight.listenerInodes : []));
}

function isSameDaemon(some: readonly number[], others: readonly number[]): boolean {
  return some.some((inode) => others.includes(inode));
}

function refOf({ ref }: Build): string {
  return ref;
}
