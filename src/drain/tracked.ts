import type { Connection, Traffic, TrafficOf } from '../backends/types.ts';

/**
 * What a connection counts as. Only a `client` breaks quiet. A wait can't end while a connection is
 * `pending`: it may be a probe, or the next build. The others are not counted: `own` is this program's
 * question to the daemon, `ignored` one of a peer that the user leaves out, a `health-check` has never
 * sent a byte, an `unreachable` peer no longer answers, and a `silent` one has no build.
 */
export type ConnectionKind =
  | 'client'
  | 'pending'
  | 'own'
  | 'ignored'
  | 'health-check'
  | 'unreachable'
  | 'silent';

/** All connections that are followed, or some of them. */
export type TrackedConnections = readonly TrackedConnection[];

/** A connection and what is known of it over several polls. All times are in milliseconds. */
export interface TrackedConnection {
  /** Unique among the tracked connections, and the same from poll to poll. */
  readonly key: string;
  /** As the latest poll showed it. */
  readonly connection: Connection;
  /** When it was seen for the first time, on the clock of the status or the stats that it is part of. */
  readonly firstSeenMs: number;
  /** Whether the poll before did not show it: only then is it as young as it looks. */
  readonly isArrivalSeen: boolean;
  /** Null where the backend does not know its traffic. */
  readonly traffic: TrafficNote | null;
  /** What it counts as. */
  readonly kind: ConnectionKind;
}

/** The traffic of a connection, and how long there has been none. */
export interface TrafficNote {
  /** As of the latest poll that read it. */
  readonly latest: Traffic;
  /** Since when no byte is known to have moved, in either direction: a moment on the same clock. */
  readonly silentSinceMs: number;
}

/**
 * The tracked connections after a poll. A connection is recognized by its peer, and where the backend
 * does not name the peer, by its inode. A queued one has no inode yet: an accepted connection without
 * a name takes the place of a queued one that is missing.
 *
 * @param showsArrivals whether the poll before would have shown what is now new.
 */
export function updateTracked(
  before: TrackedConnections,
  connections: readonly Connection[],
  nowMs: number,
  showsArrivals: boolean,
): TrackedConnections {
  const known = byKey(before);
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

/** The tracked connections with their traffic as of now. Unknown traffic is not silence. */
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

export interface TrackedChange {
  readonly arrived: TrackedConnections;
  readonly left: TrackedConnections;
}

/**
 * Which connections are new and which have left. At an endpoint with nameless connections only the
 * number is certain: none is reported as arrived or left there.
 */
export function compareTracked(
  before: TrackedConnections,
  after: TrackedConnections,
): TrackedChange {
  const vague = new Set([...before, ...after].filter(isNameless).map(endpointOf));
  const missingIn = (there: TrackedConnections, here: TrackedConnections): TrackedConnections => {
    const keys = byKey(there);
    return here.filter((entry) => !keys.has(entry.key) && !vague.has(endpointOf(entry)));
  };
  return { arrived: missingIn(before, after), left: missingIn(after, before) };
}

export function byKey(tracked: TrackedConnections): ReadonlyMap<string, TrackedConnection> {
  return new Map(tracked.map((entry) => [entry.key, entry]));
}

export function isClient({ kind }: TrackedConnection): boolean {
  return kind === 'client';
}

export function clientsIn(tracked: TrackedConnections): TrackedConnections {
  return tracked.filter(isClient);
}

export function pendingIn(tracked: TrackedConnections): TrackedConnections {
  return tracked.filter(({ kind }) => kind === 'pending');
}

/** Whether there is evidence that a connection is no client. */
export function isNotCounted({ kind }: TrackedConnection): boolean {
  return kind === 'health-check' || kind === 'unreachable' || kind === 'silent';
}

export function isNameless({ connection }: TrackedConnection): boolean {
  return connection.peer === null;
}

/** How old a connection is, as far as that is known. */
export interface KnownAge {
  readonly ms: number;
  /** If not, it is at least so old. */
  readonly isExact: boolean;
}

/** The age of a connection at a moment; null where nothing is known of it. */
export function knownAge(entry: TrackedConnection, nowMs: number): KnownAge | null {
  const { traffic, firstSeenMs, isArrivalSeen } = entry;
  const leastMs = traffic === null ? null : leastAgeMs(traffic.latest);
  const seenForMs = nowMs - firstSeenMs;
  if (seenForMs <= 0 && leastMs === null) {
    return null;
  }
  // Where no byte has come, the kernel counts from the connection's beginning.
  const isExact = isArrivalSeen || traffic?.latest.bytesReceived === 0;
  return { ms: Math.max(seenForMs, leastMs ?? 0), isExact };
}

/** How long at least no data has gone to the peer or come from it; null where that is unknown. */
export function knownSilenceMs({ traffic }: TrackedConnection, nowMs: number): number | null {
  if (traffic === null) {
    return null;
  }
  const leastMs = leastSilenceMs(traffic.latest);
  const watchedMs = nowMs - traffic.silentSinceMs;
  return watchedMs <= 0 && leastMs === null ? null : Math.max(watchedMs, leastMs ?? 0);
}

/** Each of these times begins with the connection at the earliest. */
export function leastAgeMs({ msSinceReceived, msSinceSent, msSinceAcked }: Traffic): number | null {
  const known = [msSinceReceived, msSinceSent, msSinceAcked].filter((ms) => ms !== null);
  return known.length === 0 ? null : Math.max(...known);
}

/** It may have been silent for longer: data that is only sent again begins `msSinceSent` anew. */
export function leastSilenceMs({ msSinceReceived, msSinceSent }: Traffic): number | null {
  return msSinceReceived === null || msSinceSent === null
    ? null
    : Math.min(msSinceReceived, msSinceSent);
}

/**
 * Connections by their known age, oldest first: messages name the first few, and a build that hangs is
 * an old one.
 */
export function oldestFirst(tracked: TrackedConnections, nowMs: number): TrackedConnections {
  const aged = tracked.map((entry) => ({ entry, ms: leastKnownAgeMs(entry, nowMs) }));
  return aged.sort((one, other) => other.ms - one.ms).map(({ entry }) => entry);
}

// As `knownAge`, but without allocations: each poll may sort thousands.
function leastKnownAgeMs({ firstSeenMs, traffic }: TrackedConnection, nowMs: number): number {
  const { msSinceReceived = 0, msSinceSent = 0, msSinceAcked = 0 } = traffic?.latest ?? {};
  return Math.max(nowMs - firstSeenMs, msSinceReceived ?? 0, msSinceSent ?? 0, msSinceAcked ?? 0);
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

function endpointOf({ connection }: TrackedConnection): string {
  return connection.endpoint;
}
