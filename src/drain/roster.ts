import type { Connection } from '../inspect/types.ts';

/** The connections of the latest count, each with the time it was first seen, in milliseconds. */
export type Roster = readonly RosterEntry[];

export interface RosterEntry {
  readonly connection: Connection;
  readonly firstSeenMs: number;
}

export interface RosterChange {
  readonly roster: Roster;
  readonly arrived: Roster;
  readonly left: Roster;
}

/**
 * The roster after a new count. A connection is known again by its peer, and where the means of
 * looking tells no peer, by its inode. Of an endpoint with such nameless connections only the
 * number is certain: nobody there is said to have arrived or left.
 */
export function updateRoster(
  before: Roster,
  connections: readonly Connection[],
  nowMs: number,
): RosterChange {
  const known = new Map<string, RosterEntry>();
  for (const entry of before) {
    known.set(unusedKey(known, entry.connection), entry);
  }
  const current = new Map<string, RosterEntry>();
  for (const connection of connections) {
    const key = unusedKey(current, connection);
    const firstSeenMs = known.get(key)?.firstSeenMs ?? nowMs;
    current.set(key, { connection, firstSeenMs });
  }
  const roster = [...current.values()];
  const vague = new Set([...before, ...roster].filter(isNameless).map(endpointOf));
  const only = (here: Map<string, RosterEntry>, there: Map<string, RosterEntry>): Roster =>
    [...here].flatMap(([key, entry]) =>
      there.has(key) || vague.has(endpointOf(entry)) ? [] : [entry],
    );
  return { roster, arrived: only(current, known), left: only(known, current) };
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

function isNameless({ connection }: RosterEntry): boolean {
  return connection.peer === null;
}

function endpointOf({ connection }: RosterEntry): string {
  return connection.endpoint;
}
