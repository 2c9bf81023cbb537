import type { EndedConnection } from '../backends/types.ts';
import { type BuildsEvidence, mostProbeBytes } from './classify.ts';
import {
  compareTracked,
  isClient,
  type TrackedConnection,
  type TrackedConnections,
} from './tracked.ts';

// The kernel announces the end of our own question when its connection is closed and no longer listed.
const ownForMs = 5000;
// The kernel lists a connection no longer once the daemon has closed it, and announces its end when its
// peer has answered or is given up, by tcp_orphan_retries (tcp(7)) within some minutes.
const closedForMs = 300_000;

interface ShortLivedInput {
  readonly nowMs: number;
  readonly ended: readonly EndedConnection[];
  /** What was tracked at the poll before, and is at this one. */
  readonly before: TrackedConnections;
  readonly tracked: TrackedConnections;
  readonly builds: BuildsEvidence | null;
  /** The peers that are this program itself. */
  readonly ownPeers: readonly string[];
}

/**
 * Makes the function that picks the clients that came and went without being counted: a probe is
 * short _and_ brings next to nothing. Unknown bytes are no evidence: each health check that the daemon
 * resets ends like that.
 */
export function createShortLivedClients(): (input: ShortLivedInput) => readonly EndedConnection[] {
  const own = createRecent<true>(ownForMs);
  const closed = createRecent<TrackedConnection>(closedForMs);

  return ({ nowMs, ended, before, tracked, builds, ownPeers }) => {
    own.expire(nowMs);
    closed.expire(nowMs);
    for (const peer of ownPeers) {
      own.add(peer, true, nowMs);
    }
    const shortLived = ended.filter(({ peer, bytesReceived }) => {
      const listed = before.find(({ connection }) => peer !== null && connection.peer === peer);
      const entry = listed ?? closed.get(peer ?? '');
      closed.remove(peer ?? '');
      const earlierBytes = entry?.traffic?.latest.bytesReceived ?? 0;
      const isOwn = own.get(peer ?? '') !== undefined;
      const isCounted = listed !== undefined && isClient(listed);
      return !isOwn && !isCounted && (bytesReceived ?? 0) - earlierBytes > mostProbeBytes(builds);
    });
    const announced = new Set(ended.map(({ peer }) => peer));
    for (const entry of leftIn(before, tracked)) {
      const { peer } = entry.connection;
      // Without traffic it is of a backend that announces no end.
      if (peer !== null && entry.traffic !== null && !announced.has(peer)) {
        closed.add(peer, entry, nowMs);
      }
    }
    return shortLived;
  };
}

/** Costs next to nothing while the same connections are there. */
function leftIn(before: TrackedConnections, tracked: TrackedConnections): TrackedConnections {
  const isSame = before.every(({ key }, index) => tracked[index]?.key === key);
  return isSame ? [] : compareTracked(before, tracked).left;
}

/** What is known of peers, each for a while. */
interface Recent<Value> {
  readonly add: (peer: string, value: Value, nowMs: number) => void;
  readonly get: (peer: string) => Value | undefined;
  readonly remove: (peer: string) => void;
  readonly expire: (nowMs: number) => void;
}

function createRecent<Value>(forMs: number): Recent<Value> {
  const known = new Map<string, { readonly value: Value; readonly untilMs: number }>();
  return {
    add: (peer, value, nowMs) => void known.set(peer, { value, untilMs: nowMs + forMs }),
    get: (peer) => known.get(peer)?.value,
    remove: (peer) => void known.delete(peer),
    expire(nowMs) {
      for (const [peer, { untilMs }] of known) {
        if (untilMs < nowMs) {
          known.delete(peer);
        }
      }
    },
  };
}
