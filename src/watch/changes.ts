import type { Sample } from '../backends/types.ts';
import { compareRosters, isLeftOut, type Roster } from '../drain/tracked.ts';
import type { WatchEvent } from './types.ts';

/** What is to be told of the step from one roster to the next. */
export function rosterChanges(before: Roster, now: Roster): WatchEvent[] {
  const { arrived, left } = compareRosters(before, now);
  const isChanged = arrived.length > 0 || left.length > 0 || before.length !== now.length;
  const known = new Map(before.map(({ key, standing }) => [key, standing]));
  const judged = now.flatMap((entry): WatchEvent[] => {
    const earlier = known.get(entry.key);
    if (earlier === undefined || earlier === entry.standing) {
      return [];
    }
    if (isLeftOut(entry)) {
      return [{ kind: 'left-out', entry }];
    }
    if (earlier === 'newcomer') {
      return [{ kind: 'counted', entry }];
    }
    return isLeftOut({ ...entry, standing: earlier }) ? [{ kind: 'counted-again', entry }] : [];
  });
  return [...(isChanged ? [{ kind: 'changed', arrived, left } as const] : []), ...judged];
}

/** What is to be told of how well one sees, after a sample of before. */
export function sightChanges(before: Sample, now: Sample): WatchEvent[] {
  switch (now.kind) {
    case 'failed': {
      const isSame = before.kind === 'failed' && before.error.code === now.error.code;
      return isSame ? [] : [{ kind: 'sight-lost', error: now.error }];
    }
    case 'gone':
      return before.kind === 'gone' ? [] : [{ kind: 'gone' }];
    case 'counted':
      return before.kind === 'counted'
        ? []
        : [{ kind: before.kind === 'gone' ? 'back' : 'sight-back' }];
  }
}
