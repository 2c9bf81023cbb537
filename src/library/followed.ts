import type { Connection } from '../backends/types.ts';

/** The same object from poll to poll, as long as it is the same connection. */
export interface FollowedConnection {
  /** As it was seen last: once it is accepted, it has an inode. */
  connection: Connection;
}

/**
 * The connections of a poll, followed from the poll before. One is recognized by its ends, and where
 * the backend does not name the peer, by its inode. Without either, an accepted connection takes
 * the place of a queued one.
 */
export function follow(
  before: readonly FollowedConnection[],
  connections: readonly Connection[],
): FollowedConnection[] {
  const known = new Map<string, FollowedConnection[]>();
  for (const followed of before) {
    const key = keyOf(followed.connection);
    known.set(key, [...(known.get(key) ?? []), followed]);
  }
  const take = (key: string): FollowedConnection | undefined => known.get(key)?.shift();
  return connections.map((connection) => {
    const found =
      take(keyOf(connection)) ?? (connection.peer === null ? take(unnamedInQueue) : undefined);
    if (found === undefined || !mayBe(found.connection, connection)) {
      return { connection };
    }
    found.connection = connection;
    return found;
  });
}

const unnamedInQueue = 'inode 0';

function keyOf({ peer, local, inode }: Connection): string {
  return peer === null ? `inode ${inode}` : `${peer} ${local}`;
}

/** Not if the peer has come back from the same port: an accepted socket keeps its inode. */
function mayBe(before: Connection, now: Connection): boolean {
  return before.inode === 0 || before.inode === now.inode;
}
