import type { Connection, Traffic, TrafficOf } from '../backends/types.ts';

/**
 * What a connection is taken for. Only a `client` breaks quiet. While there is a `newcomer` nothing
 * is concluded: it may be a probe, or the next build. The others are no clients: `own` is this
 * program's question to the daemon, a `health-check` has never sent a byte, of an `unreachable` peer
 * nothing comes any more, and a `silent` one has no build.
 */
export type ConnectionKind =
  | 'client'
  | 'pending'
  | 'own'
  | 'health-check'
  | 'unreachable'
  | 'silent';

/** The connections of the latest count. All times are in milliseconds. */
export type TrackedConnections = readonly TrackedConnection[];

export interface TrackedConnection {
  /** Tells this connection from the others of its roster, and knows it again in the next. */
  readonly key: string;
  readonly connection: Connection;
  readonly firstSeenMs: number;
  /** Whether the look before had not shown it: only then is it as young as it seems. */
  readonly isArrivalSeen: boolean;
  readonly traffic: TrafficNote | null;
  readonly kind: ConnectionKind;
}

interface TrafficNote {
  readonly latest: Traffic;
  /** Since when no byte is known to have moved, in either direction. */
  readonly silentSinceMs: number;
}

export interface TrackedChange {
  readonly arrived: TrackedConnections;
  readonly left: TrackedConnections;
}

/**
 * The roster after a new count. A connection is known again by its peer, and where the means of
 * looking tells no peer, by its inode. A queued one has none yet: what is accepted without a name is
 * one that was queued, as long as one of those is missing.
 *
 * @param showsArrivals whether the look before this one would have shown what is now new.
 */
export function updateTracked(
  before: TrackedConnections,
  connections: readonly Connection[],
  nowMs: number,
  showsArrivals: boolean,
): TrackedConnections {
  const known = new Map(before.map((entry) => [entry.key, entry]));
  const current = new Map<string, Connection>();
  for (const connection of connections) {
    current.set(unusedKey(current, connection), connection);
  }
  const unqueued = before.filter((entry) => isUnnamedInQueue(entry) && !current.has(entry.key));
  return [...current].map(([key, connection]) => {
    const entry = known.get(key) ?? takeAccepted(unqueued, connection);
    return entry === undefined
      ? {
          key,
          connection,
          firstSeenMs: nowMs,
          isArrivalSeen: showsArrivals,
          traffic: null,
          kind: 'client',
        }
      : { ...entry, key, connection };
  });
}

function isUnnamedInQueue({ connection }: TrackedConnection): boolean {
  return connection.peer === null && connection.inode === 0;
}

function takeAccepted(
  unqueued: TrackedConnection[],
  connection: Connection,
): TrackedConnection | undefined {
  const { endpoint, peer, inode } = connection;
  const at = unqueued.findIndex((entry) => endpointOf(entry) === endpoint);
  return peer === null && inode !== 0 && at >= 0 ? unqueued.splice(at, 1)[0] : undefined;
}

/** The roster with the traffic that was read now. What is unknown is not silent. */
export function noteTraffic(
  tracked: TrackedConnections,
  trafficOf: TrafficOf,
  nowMs: number,
): TrackedConnections {
  return tracked.map((entry) => {
    const latest = trafficOf.get(entry.connection);
    if (latest === undefined) {
      return { ...entry, traffic: null };
    }
    const before = entry.traffic;
    const isSilent = before !== null && hasSameBytes(before.latest, latest);
    return {
      ...entry,
      traffic: { latest, silentSinceMs: isSilent ? before.silentSinceMs : nowMs },
    };
  });
}

/**
 * Who is new and who has left. Of an endpoint with nameless connections only the number is certain:
 * nobody there is said to have arrived or left.
 */
export function compareTracked(
  before: TrackedConnections,
  after: TrackedConnections,
): TrackedChange {
  const vague = new Set([...before, ...after].filter(isNameless).map(endpointOf));
  const missingIn = (there: TrackedConnections, here: TrackedConnections): TrackedConnections => {
    const keys = new Set(there.map(({ key }) => key));
    return here.filter((entry) => !keys.has(entry.key) && !vague.has(endpointOf(entry)));
  };
  return { arrived: missingIn(before, after), left: missingIn(after, before) };
}

export function clientsIn(tracked: TrackedConnections): TrackedConnections {
  return tracked.filter(({ kind }) => kind === 'client');
}

export function pendingIn(tracked: TrackedConnections): TrackedConnections {
  return tracked.filter(({ kind }) => kind === 'pending');
}

/** Whether a connection is there and is taken for no client. */
export function isNotCounted({ kind }: TrackedConnection): boolean {
  return kind === 'health-check' || kind === 'unreachable' || kind === 'silent';
}

function hasSameBytes(before: Traffic, now: Traffic): boolean {
  const isKnown = now.bytesReceived !== null && now.bytesAcked !== null;
  return (
    isKnown && before.bytesReceived === now.bytesReceived && before.bytesAcked === now.bytesAcked
  );
}

// Queued clients without a name all have inode 0: the first of them, the second, and so on.
function unusedKey(used: ReadonlyMap<string, unknown>, connection: Connection): string {
  const key = `${connection.endpoint} ${connection.peer ?? connection.inode}`;
  let ordinal = 1;
  while (used.has(`${key} ${ordinal}`)) {
    ordinal += 1;
  }
  return `${key} ${ordinal}`;
}

export function isNameless({ connection }: TrackedConnection): boolean {
  return connection.peer === null;
}

function endpointOf({ connection }: TrackedConnection): string {
  return connection.endpoint;
}
