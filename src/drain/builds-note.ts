import type { BuildsAnswer } from '../builds/types.ts';
import type { BuildsEvidence } from './standing.ts';

/** What the daemon has said of its builds, and when. All times are in milliseconds. */
export interface BuildsNote extends BuildsEvidence {
  readonly answer: BuildsAnswer;
  readonly answeredMs: number;
  /** Whether builds were running when the daemon last said anything certain. */
  readonly wereRunning: boolean;
}

/** Notes an answer, after what the daemon said before. */
export function noteOf(
  before: BuildsNote | null,
  answer: BuildsAnswer,
  askedMs: number,
  answeredMs: number,
): BuildsNote {
  // An answer that could not be had does not end what was certain.
  const wereRunning =
    answer.kind === 'known' ? answer.builds.length > 0 : (before?.wereRunning ?? false);
  const isNone = answer.kind === 'known' && answer.builds.length === 0;
  const noneSinceMs = isNone ? (before?.noneSinceMs ?? askedMs) : null;
  return { answer, askedMs, answeredMs, wereRunning, noneSinceMs };
}

/** Whether two answers name the same builds, or fail for the same reason. */
export function saysTheSame(before: BuildsAnswer | undefined, now: BuildsAnswer): boolean {
  if (before?.kind === 'known' && now.kind === 'known') {
    const refs = new Set(before.builds.map(({ ref }) => ref));
    return refs.size === now.builds.length && now.builds.every(({ ref }) => refs.has(ref));
  }
  return (
    before?.kind === 'unknown' && now.kind === 'unknown' && before.error.code === now.error.code
  );
}
