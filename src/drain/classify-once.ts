import type { Connection, TrafficOf } from '../backends/types.ts';
import { type BuildsEvidence, type StandingRule, standingOf } from './classify.ts';
import { leastAgeMs, leastSilenceMs } from './known-times.ts';
import type { Roster, RosterEntry } from './tracked.ts';

/** The moment of a glance, on the clock that its roster's times are of. */
export const glanceMs = 0;

/**
 * What connections are taken for by one look alone: the kernel's own times tell what watching would
 * have told. Times that it does not know are as if the connection had begun with the look.
 *
 * @param saysNone whether the daemon, asked after the look, says that no build is running.
 */
export function glance(
  connections: readonly Connection[],
  trafficOf: TrafficOf,
  rule: StandingRule,
  saysNone: boolean,
): Roster {
  const builds: BuildsEvidence | null = saysNone
    ? { noneSinceMs: glanceMs, askedMs: glanceMs }
    : null;
  return connections.map((connection, index) => {
    const latest = trafficOf.get(connection);
    const entry: RosterEntry = {
      key: String(index),
      connection,
      firstSeenMs: glanceMs - ((latest && leastAgeMs(latest)) ?? 0),
      isNewcomer: latest?.bytesReceived === 0,
      traffic:
        latest === undefined
          ? null
          : { latest, silentSinceMs: glanceMs - (leastSilenceMs(latest) ?? 0) },
      standing: 'client',
    };
    return { ...entry, standing: standingOf(entry, glanceMs, rule, builds) };
  });
}
