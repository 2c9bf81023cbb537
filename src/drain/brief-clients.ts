import type { EndedConnection } from '../backends/types.ts';
import { type BuildsEvidence, mostProbeBytes } from './classify.ts';
import type { TrackedConnections } from './tracked.ts';

// The kernel tells of the end of our own question when its connection is closed and has no name any more.
const ownForMs = 5000;

interface BriefInput {
  readonly nowMs: number;
  readonly ended: readonly EndedConnection[];
  /** The roster of the look before. */
  readonly before: TrackedConnections;
  readonly builds: BuildsEvidence | null;
  /** The peers that are this program itself. */
  readonly ownPeers: readonly string[];
}

/**
 * Makes the function that tells which clients have come and gone without being counted: a probe is
 * what is short _and_ brings next to nothing. Unknown bytes are no evidence: so ends each health
 * check that the daemon resets.
 */
export function createShortLivedClients(): (input: BriefInput) => readonly EndedConnection[] {
  const ownUntilMs = new Map<string, number>();

  return ({ nowMs, ended, before, builds, ownPeers }) => {
    for (const [peer, untilMs] of ownUntilMs) {
      if (untilMs < nowMs) {
        ownUntilMs.delete(peer);
      }
    }
    for (const peer of ownPeers) {
      ownUntilMs.set(peer, nowMs + ownForMs);
    }
    return ended.filter(({ peer, bytesReceived }) => {
      const entry = before.find(({ connection }) => peer !== null && connection.peer === peer);
      const earlierBytes = entry?.traffic?.latest.bytesReceived ?? 0;
      const isOwn = peer !== null && ownUntilMs.has(peer);
      const isCounted = entry?.kind === 'client';
      return !isOwn && !isCounted && (bytesReceived ?? 0) - earlierBytes > mostProbeBytes(builds);
    });
  };
}
