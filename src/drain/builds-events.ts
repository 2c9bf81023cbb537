import type { ExpiredBuilds } from './build-watch.ts';
import { type BuildsState, isSameAnswer } from './builds-note.ts';
import type { DrainEvent } from './types.ts';

/** What one look has found out about builds. */
interface BuildsFound {
  readonly note: BuildsState | null;
  readonly expired: readonly ExpiredBuilds[];
  readonly nowMs: number;
  /** Since when quiet lasted before that; null where it did not. */
  readonly quietSinceMs: number | null;
}

/** What is worth telling of the step from what the daemons said before. */
export function buildsEvents(
  before: BuildsState | null,
  { note, expired, nowMs, quietSinceMs }: BuildsFound,
): DrainEvent[] {
  const events: DrainEvent[] = [];
  if (note !== null && !isSameAnswer(before?.answer, note.answer)) {
    const { answer, named: namedBuilds } = note;
    events.push({ kind: 'builds', answer, namedBuilds, nowMs });
  }
  for (const each of expired) {
    events.push({ kind: 'named-builds-expired', ...each });
  }
  const endedMs = note?.endedMs ?? null;
  if (endedMs !== null && quietSinceMs !== null && endedMs > quietSinceMs) {
    events.push({ kind: 'build-recorded', endedAgoMs: nowMs - endedMs });
  }
  return events;
}
