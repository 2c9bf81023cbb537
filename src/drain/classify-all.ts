import type { Connection, TrafficOf } from '../backends/types.ts';
import { type BuildsEvidence, type ClassifyRule, classify, pendingEndsMs } from './classify.ts';
import {
  isNotCounted,
  noteTraffic,
  pendingIn,
  type TrackedConnection,
  type TrackedConnections,
  updateTracked,
} from './tracked.ts';

/** Everybody who is connected, and what each is taken for. All times are in milliseconds. */
export interface Classification {
  readonly tracked: TrackedConnections;
  readonly trafficReadMs: number;
  /** When a standing may change without any connection coming or going. */
  readonly reviewDueMs: number;
}

/** What a census is taken from. */
export interface ClassifyInput {
  readonly nowMs: number;
  readonly connections: readonly Connection[];
  /** Whether these are the very connections of the last census. */
  readonly isUnchanged: boolean;
  /** Whether the look before this one would have shown what is now new. */
  readonly showsArrivals: boolean;
  readonly traffic: () => TrafficOf;
  /** The peers that are this program itself. */
  readonly ownPeers: readonly string[];
  readonly builds: BuildsEvidence | null;
}

const reviewEveryMs = 1000;

export const noConnections: Classification = {
  tracked: [],
  trafficReadMs: -Infinity,
  reviewDueMs: Infinity,
};

export function classifyAll(
  before: Classification,
  seen: ClassifyInput,
  rule: ClassifyRule,
): Classification {
  const { nowMs } = seen;
  let tracked = seen.isUnchanged
    ? before.tracked
    : updateTracked(before.tracked, seen.connections, nowMs, seen.showsArrivals);
  const judgeAll = (): TrackedConnections => tracked.map((entry) => judge(entry, seen, rule));
  // Nobody is left out by what was read before: with one more byte it counts. And what a newcomer has
  // sent tells whether it is a probe.
  const isRead = (entry: TrackedConnection): boolean =>
    isNotCounted(entry) || entry.kind === 'pending';
  const readsTraffic =
    tracked.length > 0 &&
    (nowMs - before.trafficReadMs >= reviewEveryMs || judgeAll().some(isRead));
  if (readsTraffic) {
    tracked = noteTraffic(tracked, seen.traffic(), nowMs);
  }
  tracked = judgeAll();
  return {
    tracked,
    trafficReadMs: readsTraffic ? nowMs : before.trafficReadMs,
    reviewDueMs: reviewDueMs(tracked, nowMs, rule, seen.builds),
  };
}

function judge(
  entry: TrackedConnection,
  seen: ClassifyInput,
  rule: ClassifyRule,
): TrackedConnection {
  const { peer } = entry.connection;
  const isOwn = peer !== null && seen.ownPeers.includes(peer);
  const kind = isOwn ? 'own' : classify(entry, seen.nowMs, rule, seen.builds);
  return kind === entry.kind ? entry : { ...entry, kind };
}

function reviewDueMs(
  tracked: TrackedConnections,
  nowMs: number,
  rule: ClassifyRule,
  builds: BuildsEvidence | null,
): number {
  if (tracked.some(isNotCounted)) {
    return nowMs;
  }
  const ends = pendingIn(tracked).map((entry) => pendingEndsMs(entry, rule, builds));
  return tracked.length === 0 ? Infinity : Math.min(nowMs + reviewEveryMs, ...ends);
}
