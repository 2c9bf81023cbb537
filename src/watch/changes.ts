import type { Sample } from '../backends/types.ts';
import {
  clientsIn,
  compareTracked,
  isNotCounted,
  type TrackedConnections,
} from '../drain/tracked.ts';
import type { DrainStatus, WatchEvent } from '../drain/types.ts';

/** What is to be told of the step from one roster to the next. */
export function trackedChanges(
  before: TrackedConnections,
  now: TrackedConnections,
  status: DrainStatus,
): WatchEvent[] {
  const { builds, nowMs } = status;
  const { arrived, left } = compareTracked(before, now);
  const isChanged = arrived.length > 0 || left.length > 0 || before.length !== now.length;
  const known = new Map(before.map(({ key, kind }) => [key, kind]));
  const judged = now.flatMap((entry): WatchEvent[] => {
    const earlier = known.get(entry.key);
    if (earlier === undefined || earlier === entry.kind) {
      return [];
    }
    if (isNotCounted(entry)) {
      return [{ kind: 'not-counted', entry, builds, nowMs }];
    }
    if (earlier === 'pending') {
      return [{ kind: 'counted', entry, builds, nowMs }];
    }
    return isNotCounted({ ...entry, kind: earlier })
      ? [{ kind: 'counted-again', entry, builds, nowMs }]
      : [];
  });
  const count = clientsIn(before).length;
  return [
    ...(isChanged ? [{ kind: 'changed', before: count, arrived, left, ...status } as const] : []),
    ...judged,
  ];
}

/** What is to be told of how well one sees, after a sample of before. */
export function countabilityChanges(
  before: Sample,
  now: Sample,
  lostForMs: number,
  connections: number,
): WatchEvent[] {
  switch (now.kind) {
    case 'failed': {
      const isSame = before.kind === 'failed' && before.error.code === now.error.code;
      return isSame
        ? []
        : [{ kind: 'count-failed', error: now.error, seen: now.connections.length }];
    }
    case 'gone':
      return before.kind === 'gone' ? [] : [{ kind: 'gone' }];
    case 'counted':
      return before.kind === 'counted'
        ? []
        : before.kind === 'gone'
          ? [{ kind: 'back' }]
          : [{ kind: 'count-recovered', lostForMs, connections }];
  }
}
