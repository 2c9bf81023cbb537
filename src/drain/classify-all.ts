import type { Connection, FailedSample, Sample, TrafficOf } from '../backends/types.ts';
import {
  agesMs,
  type BuildsEvidence,
  type ClassifyRule,
  classify,
  pendingEndsMs,
} from './classify.ts';
import {
  isNotCounted,
  leastAgeMs,
  leastSilenceMs,
  noteTraffic,
  pendingIn,
  type TrackedConnection,
  type TrackedConnections,
  updateTracked,
} from './tracked.ts';

/** All connections and their kinds. All times are in milliseconds. */
export interface Classification {
  readonly tracked: TrackedConnections;
  readonly trafficReadMs: number;
  /** When a kind may change although no connection comes or goes. */
  readonly reviewDueMs: number;
}

/** What a poll showed, and what else the kinds depend on. */
export interface ClassifyInput {
  readonly nowMs: number;
  readonly sample: Sample;
  /** Whether the sample has the revision of the last one. */
  readonly isUnchanged: boolean;
  /** Whether the poll before would have shown what is now new. */
  readonly showsArrivals: boolean;
  readonly traffic: () => TrafficOf;
  /** The peers that are this program itself. */
  readonly ownPeers: readonly string[];
  readonly builds: BuildsEvidence | null;
}

export const reviewEveryMs = 1000;

// A review may be a little early: timers count whole milliseconds.
const leastReviewMs = 0.9 * reviewEveryMs;

export const noConnections: Classification = {
  tracked: [],
  trafficReadMs: -Infinity,
  reviewDueMs: Infinity,
};

/**
 * The classification after a poll. Connections at an endpoint that could not be polled stay as they
 * were: they may still be there, and must not look new when it can be polled again.
 */
export function classifyAll(
  before: Classification,
  seen: ClassifyInput,
  rule: ClassifyRule,
): Classification {
  const { nowMs, sample } = seen;
  if (sample.kind === 'gone') {
    return noConnections;
  }
  const unseen = sample.kind === 'failed' ? unseenIn(sample, before.tracked) : [];
  let tracked =
    seen.isUnchanged && unseen.length === 0
      ? before.tracked
      : updateTracked(before.tracked, sample.connections, nowMs, seen.showsArrivals);
  const judgeAll = (): TrackedConnections => tracked.map((entry) => judge(entry, seen, rule));
  // Whether a connection is not counted is never decided by what was read before: one more byte may
  // have come. And what a pending one has sent shows whether it is a probe.
  const isRead = (entry: TrackedConnection): boolean =>
    isNotCounted(entry) || entry.kind === 'pending';
  const readsTraffic =
    tracked.some(({ connection }) => rule.counts(connection)) &&
    (nowMs - before.trafficReadMs >= leastReviewMs || judgeAll().some(isRead));
  if (readsTraffic) {
    tracked = noteTraffic(tracked, seen.traffic(), nowMs);
  }
  tracked = judgeAll();
  return {
    tracked: unseen.length === 0 ? tracked : [...tracked, ...unseen],
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
  const isReviewed = tracked.some(({ connection }) => rule.counts(connection));
  return isReviewed ? Math.min(nowMs + reviewEveryMs, ...ends) : Infinity;
}

/**
 * When a kind may change while no connection comes or goes and their traffic stays as it was read: at
 * once if that is not all that the kinds depend on.
 */
export function watchedDueMs(
  tracked: TrackedConnections,
  nowMs: number,
  rule: ClassifyRule,
  builds: BuildsEvidence | null,
): number {
  let dueMs = Infinity;
  for (const entry of tracked) {
    if (entry.kind === 'ignored') {
      continue;
    }
    if (!isReadInFull(entry)) {
      return nowMs;
    }
    dueMs = Math.min(dueMs, agesMs(entry, nowMs, rule, builds));
  }
  return dueMs;
}

/**
 * Whether traffic that stays as it was read tells all. Whether a connection is ours depends on more; and
 * while something is unanswered, on when the peer last answered, unless that was too long ago already.
 */
function isReadInFull({ kind, connection, traffic }: TrackedConnection): boolean {
  if (kind === 'own') {
    return false;
  }
  if (traffic === null) {
    // The kernel keeps no traffic of unix sockets.
    return connection.peerAddress === null;
  }
  const { bytesReceived, bytesAcked, unanswered } = traffic.latest;
  return (
    bytesReceived !== null && bytesAcked !== null && (unanswered === 0 || kind === 'unreachable')
  );
}

/** The tracked connections at an endpoint that could not be polled. */
export function unseenIn(
  { results }: FailedSample,
  tracked: TrackedConnections,
): TrackedConnections {
  const polled = results.filter(({ kind }) => kind === 'polled');
  const addresses = polled.map(({ endpoint }) => endpoint.address);
  return tracked.filter(({ connection }) => !addresses.includes(connection.endpoint));
}

/** The moment of `classifyOnce`, on the same clock as the times of its connections. */
export const classifiedAtMs = 0;

/**
 * The kinds of connections by a single poll: the kernel's own times tell what watching would have.
 * Where it does not know one, the connection is treated as if it had begun with the poll.
 *
 * @param saysNone whether the daemon, asked after the poll, says that no build is running.
 */
export function classifyOnce(
  connections: readonly Connection[],
  trafficOf: TrafficOf,
  rule: ClassifyRule,
  saysNone: boolean,
): TrackedConnections {
  const builds: BuildsEvidence | null = saysNone
    ? { noneSinceMs: classifiedAtMs, askedMs: classifiedAtMs }
    : null;
  return connections.map((connection, index) => {
    const latest = trafficOf.get(connection);
    const entry: TrackedConnection = {
      key: String(index),
      connection,
      firstSeenMs: classifiedAtMs - ((latest && leastAgeMs(latest)) ?? 0),
      isArrivalSeen: latest?.bytesReceived === 0,
      traffic:
        latest === undefined
          ? null
          : { latest, silentSinceMs: classifiedAtMs - (leastSilenceMs(latest) ?? 0) },
      kind: 'client',
    };
    return { ...entry, kind: classify(entry, classifiedAtMs, rule, builds) };
  });
}
