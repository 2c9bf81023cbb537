import type { EndedWord } from './build-watch.ts';
import { type BuildsNote, saysTheSame } from './builds-note.ts';
import { longestWordMs } from './last-word.ts';
import type { DrainEvent } from './types.ts';

/** What one look has found out about builds. */
interface BuildsFound {
  readonly note: BuildsNote | null;
  readonly endedWords: readonly EndedWord[];
  readonly nowMs: number;
  readonly quietPeriodMs: number;
  /** Since when quiet lasted before that; null where it did not. */
  readonly quietSinceMs: number | null;
}

/** What is worth telling of the step from what the daemons said before. */
export function buildsEvents(
  before: BuildsNote | null,
  { note, endedWords, nowMs, quietPeriodMs, quietSinceMs }: BuildsFound,
): DrainEvent[] {
  const events: DrainEvent[] = [];
  if (note !== null && !saysTheSame(before?.answer, note.answer)) {
    const { answer, words: lastWords } = note;
    events.push({
      kind: 'builds',
      answer,
      lastWords,
      longestWordMs: longestWordMs(quietPeriodMs),
      nowMs,
    });
  }
  for (const { word, why } of endedWords) {
    events.push({ kind: 'word-ended', word, why });
  }
  const endedMs = note?.endedMs ?? null;
  if (endedMs !== null && quietSinceMs !== null && endedMs > quietSinceMs) {
    events.push({ kind: 'build-recorded', endedAgoMs: nowMs - endedMs });
  }
  return events;
}
