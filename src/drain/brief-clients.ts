import type { EndedConnection } from '../inspect/types.ts';
import type { Roster } from './roster.ts';
import { type BuildsEvidence, mostProbeBytes } from './standing.ts';

/**
 * The clients that have come and gone without being counted: a probe is what is short _and_ brings
 * next to nothing. Unknown bytes are no evidence: so ends each health check that the daemon resets.
 *
 * @param before the roster of the look before.
 */
export function briefClients(
  ended: readonly EndedConnection[],
  before: Roster,
  builds: BuildsEvidence | null,
): readonly EndedConnection[] {
  const known = new Map(before.map((entry) => [entry.connection.peer, entry]));
  return ended.filter(({ peer, bytesReceived }) => {
    const entry = peer === null ? undefined : known.get(peer);
    const earlierBytes = entry?.traffic?.latest.bytesReceived ?? 0;
    return (
      entry?.standing !== 'client' && (bytesReceived ?? 0) - earlierBytes > mostProbeBytes(builds)
    );
  });
}
