import {
  clientsIn,
  compareTracked,
  isNotCounted,
  type TrackedConnection,
  type TrackedConnections,
} from './tracked.ts';
import type { DrainEvent, DrainStatus } from './types.ts';

/** What is worth telling of the step from one roster to the next. */
export function trackedEvents(
  before: TrackedConnections,
  now: TrackedConnections,
  status: DrainStatus,
): DrainEvent[] {
  const { nowMs, builds } = status;
  const known = new Map(before.map((entry) => [entry.key, entry]));
  const events: DrainEvent[] = [];
  for (const entry of now) {
    const earlier = known.get(entry.key);
    if (isNotCounted(entry) && entry.kind !== earlier?.kind) {
      events.push({ kind: 'not-counted', entry, builds, nowMs });
    } else if (entry.kind === 'client' && wasNotCounted(earlier)) {
      events.push({ kind: 'counted-again', entry, builds, nowMs });
    }
  }
  const keys = new Set(now.map(({ key }) => key));
  const clients = compareTracked(clientsIn(before), clientsIn(now));
  const arrived = clients.arrived.filter(({ key }) => !wasNotCounted(known.get(key)));
  const left = clients.left.filter(({ key }) => !keys.has(key));
  const count = clientsIn(before).length;
  if (arrived.length > 0 || left.length > 0 || count !== status.clients.length) {
    events.push({ kind: 'changed', before: count, arrived, left, ...status });
  }
  return events;
}

/** How many connections are gone again that were still too young to be told from a probe. */
export function goneProbes(before: TrackedConnections, now: TrackedConnections): number {
  const keys = new Set(now.map(({ key }) => key));
  return before.filter((entry) => isProbe(entry) && !keys.has(entry.key)).length;
}

// One without a name gets another key when it is accepted: that it is gone is not certain.
function isProbe({ kind, connection }: TrackedConnection): boolean {
  return kind === 'pending' && connection.peer !== null;
}

function wasNotCounted(entry: TrackedConnection | undefined): boolean {
  return entry !== undefined && isNotCounted(entry);
}
