import type { Connection, TrafficOf } from '../backends/types.ts';
import { type BuildsEvidence, type ClassifyRule, classify } from './classify.ts';
import { leastAgeMs, leastSilenceMs } from './known-times.ts';
import type { TrackedConnection, TrackedConnections } from './tracked.ts';

/** The moment of a glance, on the clock that its roster's times are of. */
export const classifiedAtMs = 0;

/**
 * What connections are taken for by one look alone: the kernel's own times tell what watching would
 * have told. Times that it does not know are as if the connection had begun with the look.
 *
 * @param saysNone whether the daemon, asked after the look, says that no build is running.
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
