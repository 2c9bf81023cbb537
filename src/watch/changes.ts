import type { Sample } from '../backends/types.ts';
import { compareTracked, isNotCounted, type TrackedConnections } from '../drain/tracked.ts';
import type { WatchEvent } from './types.ts';

/** What is to be told of the step from one roster to the next. */
export function trackedChanges(before: TrackedConnections, now: TrackedConnections): WatchEvent[] {
  const { arrived, left } = compareTracked(before, now);
  const isChanged = arrived.length > 0 || left.length > 0 || before.length !== now.length;
  const known = new Map(before.map(({ key, kind }) => [key, kind]));
  const judged = now.flatMap((entry): WatchEvent[] => {
    const earlier = known.get(entry.key);
    if (earlier === undefined || earlier === entry.kind) {
      return [];
    }
    if (isNotCounted(entry)) {
      return [{ kind: 'not-counted', entry }];
    }
    if (earlier === 'pending') {
      return [{ kind: 'counted', entry }];
    }
    return isNotCounted({ ...entry, kind: earlier }) ? [{ kind: 'counted-again', entry }] : [];
  });
  return [...(isChanged ? [{ kind: 'changed', arrived, left } as const] : []), ...judged];
}

/** What is to be told of how well one sees, after a sample of before. */
export function countabilityChanges(before: Sample, now: Sample): WatchEvent[] {
  switch (now.kind) {
    case 'failed': {
      const isSame = before.kind === 'failed' && before.error.code === now.error.code;
      return isSame ? [] : [{ kind: 'count-failed', error: now.error }];
    }
    case 'gone':
      return before.kind === 'gone' ? [] : [{ kind: 'gone' }];
    case 'counted':
      return before.kind === 'counted'
        ? []
        : [{ kind: before.kind === 'gone' ? 'back' : 'count-recovered' }];
  }
}
