import { nameless, type Recording, timeAt } from './recording.ts';
import { keysOfPort, type TrueConnection } from './truth.ts';

/** What one detector knew of one connection. */
export interface Notice {
  readonly connection: TrueConnection;
  /** When it knew that the connection is there; null where it never did. */
  readonly arrivalMs: number | null;
  /** When it knew that it is there no more. */
  readonly departureMs: number | null;
}

export interface Matching {
  /** In the order of the truth. */
  readonly notices: readonly Notice[];
  /** When something was first seen that no true connection explains. */
  readonly falseMs: readonly number[];
}

/** Looks in a row, and what they all showed. */
interface Run {
  readonly key: number;
  readonly fromMs: number;
  readonly firstKnownMs: number;
  /** When the last of these looks was over, and the one that no longer showed it. */
  readonly toMs: number;
  readonly goneMs: number | null;
}

/**
 * Holds what was seen against what was. A sighting is true if a connection of that name may have
 * been there at the time of one of its looks.
 *
 * @param truth connections of the detector's transport.
 */
export function matchSightings(truth: readonly TrueConnection[], recording: Recording): Matching {
  const byKey = indexed(truth);
  const known = new Map<TrueConnection, { arrivalMs: number; departureMs: number | null }>();
  const falseMs: number[] = [];
  for (const { key, fromMs, firstKnownMs, toMs, goneMs } of runsOf(recording)) {
    const meant = (byKey.get(key) ?? []).filter(
      ({ openFromMs, closeToMs }) => openFromMs <= toMs && closeToMs >= fromMs,
    );
    if (meant.length === 0) {
      falseMs.push(firstKnownMs);
    }
    for (const connection of meant) {
      const before = known.get(connection);
      known.set(connection, {
        arrivalMs: before?.arrivalMs ?? firstKnownMs,
        departureMs: goneMs,
      });
    }
  }
  for (const { atMs, peerPort } of recording.told) {
    const ended = endedUnseen(peerPort, atMs, byKey, known);
    if (ended !== undefined) {
      known.set(ended, { arrivalMs: atMs, departureMs: atMs });
    } else if (peerPort !== nameless) {
      falseMs.push(atMs);
    }
  }
  const notices = truth.map((connection) => {
    const { arrivalMs = null, departureMs = null } = known.get(connection) ?? {};
    return { connection, arrivalMs, departureMs };
  });
  return { notices, falseMs };
}

function indexed(truth: readonly TrueConnection[]): Map<number, TrueConnection[]> {
  const byKey = new Map<number, TrueConnection[]>();
  for (const connection of truth) {
    for (const key of connection.keys) {
      const others = byKey.get(key);
      if (others === undefined) {
        byKey.set(key, [connection]);
      } else {
        others.push(connection);
      }
    }
  }
  return byKey;
}

/** The runs of looks that showed a name. A look that failed neither begins nor ends one. */
function runsOf({ changes, fromMs, toMs }: Recording): Run[] {
  const runs: Run[] = [];
  const open = new Map<number, number>();
  const end = (key: number, last: number, goneMs: number | null): void => {
    const first = open.get(key) ?? last;
    open.delete(key);
    runs.push({
      key,
      fromMs: timeAt(fromMs, first),
      firstKnownMs: timeAt(toMs, first),
      toMs: timeAt(toMs, last),
      goneMs,
    });
  };
  for (const { poll, keys } of changes.filter((change) => change.keys !== null)) {
    const now = new Set(keys);
    for (const key of [...open.keys()].filter((each) => !now.has(each))) {
      end(key, poll - 1, timeAt(toMs, poll));
    }
    for (const key of [...now].filter((each) => each !== nameless && !open.has(each))) {
      open.set(key, poll);
    }
  }
  for (const key of [...open.keys()]) {
    end(key, fromMs.length - 1, null);
  }
  return runs;
}

/** The latest connection from this port that was over by then, and that nobody knew of. */
function endedUnseen(
  peerPort: number,
  atMs: number,
  byKey: ReadonlyMap<number, readonly TrueConnection[]>,
  known: ReadonlyMap<TrueConnection, unknown>,
): TrueConnection | undefined {
  return keysOfPort(peerPort)
    .flatMap((key) => byKey.get(key) ?? [])
    .filter((connection) => connection.closeFromMs <= atMs && !known.has(connection))
    .toSorted((one, other) => other.closeFromMs - one.closeFromMs)[0];
}
