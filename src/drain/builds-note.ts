import { combineAnswers } from '../builds/answers.ts';
import type { BuildsAnswer, DaemonAnswer } from '../builds/types.ts';
import type { BuildsEvidence } from './classify.ts';
import { namedBuildsAfter } from './last-word.ts';
import type { NamedBuilds } from './types.ts';

/** What the daemons have said of their builds, and when. All times are in milliseconds. */
export interface BuildsState extends BuildsEvidence {
  /** What the latest answers come to. */
  readonly answer: BuildsAnswer;
  readonly answers: readonly DaemonAnswer[];
  readonly answeredMs: number;
  /** The running builds by which the daemons hold the wait. */
  readonly named: readonly NamedBuilds[];
  /** The end of the latest build on record, by the daemons' wall clock; null where none is known. */
  readonly lastEndedAtMs: number | null;
  /** When a build ended that no answer before had told of; null where there was none. */
  readonly endedMs: number | null;
}

/** When a question was asked and answered, and what the wall clock said at the answer. */
export interface AskTimes {
  readonly askedMs: number;
  readonly answeredMs: number;
  readonly wallMs: number;
  /** When the wait began. */
  readonly startedMs: number;
}

/** Notes the answers, after what the daemons said before. */
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
 * When the latest build on record ended, if that was after the answer before. The daemon tells it by a
 * wall clock, which may have been set since: it is not believed further than the monotonic times allow.
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
