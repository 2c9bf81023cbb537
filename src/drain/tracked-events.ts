import { clientsIn, compareRosters, isLeftOut, type Roster, type RosterEntry } from './tracked.ts';
import type { DrainEvent, DrainStatus } from './types.ts';

/** What is worth telling of the step from one roster to the next. */
export function rosterEvents(before: Roster, now: Roster, status: DrainStatus): DrainEvent[] {
  const { nowMs, builds } = status;
  const known = new Map(before.map((entry) => [entry.key, entry]));
  const events: DrainEvent[] = [];
  for (const entry of now) {
    const earlier = known.get(entry.key);
    if (isLeftOut(entry) && entry.standing !== earlier?.standing) {
      events.push({ kind: 'left-out', entry, builds, nowMs });
    } else if (entry.standing === 'client' && wasLeftOut(earlier)) {
      events.push({ kind: 'counted-again', entry, builds, nowMs });
    }
  }
  const keys = new Set(now.map(({ key }) => key));
  const clients = compareRosters(clientsIn(before), clientsIn(now));
  const arrived = clients.arrived.filter(({ key }) => !wasLeftOut(known.get(key)));
  const left = clients.left.filter(({ key }) => !keys.has(key));
  const count = clientsIn(before).length;
  if (arrived.length > 0 || left.length > 0 || count !== status.clients.length) {
    events.push({ kind: 'changed', before: count, arrived, left, ...status });
  }
  return events;
}

/** How many connections are gone again that were still too young to be told from a probe. */
export function goneProbes(before: Roster, now: Roster): number {
  const keys = new Set(now.map(({ key }) => key));
  return before.filter((entry) => isProbe(entry) && !keys.has(entry.key)).length;
}

// One without a name gets another key when it is accepted: that it is gone is not certain.
function isProbe({ standing, connection }: RosterEntry): boolean {
  return standing === 'newcomer' && connection.peer !== null;
}

function wasLeftOut(entry: RosterEntry | undefined): boolean {
  return entry !== undefined && isLeftOut(entry);
}
