import { keysOfPort, type TrueConnection } from './ground-truth.ts';

/** Everything that one detector saw, from its first poll to its last. Times are in milliseconds. */
export interface Recording {
  /** When each poll began and ended. */
  readonly fromMs: Float64Array;
  readonly toMs: Float64Array;
  /** The polls whose answer differed from the one before, and their answers. */
  readonly changes: readonly Change[];
  /** Ends of connections that no poll had seen, as reported by the kernel. */
  readonly reportedEnds: readonly ReportedEnd[];
  /** User and system time used up to a moment, in milliseconds. */
  readonly cpu: readonly { readonly atMs: number; readonly cpuMs: number }[];
}

/** The key of a connection that cannot be identified. */
const nameless = 0;

export interface Change {
  readonly poll: number;
  /** Ascending. Null where the poll failed. */
  readonly keys: readonly number[] | null;
}

export interface ReportedEnd {
  readonly atMs: number;
  readonly peerPort: number;
}

/** The time of a poll. */
export function timeAt(times: Float64Array, poll: number): number {
  return times[poll] ?? Number.NaN;
}

const goldenRatio = (Math.sqrt(5) - 1) / 2;

/**
 * The moments whose state the polls return, for the theory. A moment is somewhere between the start
 * and the end of its poll, with equal probability: multiples of the golden ratio are spread evenly.
 */
export function momentsOf({ fromMs, toMs }: Recording): Float64Array {
  return fromMs.map((from, poll) => {
    const share = ((poll + 1) * goldenRatio) % 1;
    return from + ((toMs[poll] ?? from) - from) * share;
  });
}

/** The CPU used in a window, in percent of one core; null if the window is too short. */
export function cpuPercentIn(cpu: Recording['cpu'], fromMs: number, toMs: number): number | null {
  const within = cpu.filter(({ atMs }) => atMs >= fromMs && atMs <= toMs);
  const first = within[0];
  const last = within.at(-1);
  if (first === undefined || last === undefined || last.atMs <= first.atMs) {
    return null;
  }
  return ((last.cpuMs - first.cpuMs) / (last.atMs - first.atMs)) * 100;
}

/** The number of ascending values that are below a value. */
export function countBelow(ascending: ArrayLike<number>, value: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ascending[middle] ?? Infinity) < value) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/** What one detector knew about one connection. */
export interface Detection {
  readonly connection: TrueConnection;
  /** When it first knew of the connection; null if it never did. */
  readonly arrivalMs: number | null;
  /** When it knew that the connection was gone. */
  readonly departureMs: number | null;
}

export interface Matching {
  /** In the order of the truth. */
  readonly detections: readonly Detection[];
  /** When a detection began that no true connection explains. */
  readonly falseMs: readonly number[];
}

/** Consecutive polls that all showed one key. */
interface Run {
  readonly key: number;
  readonly fromMs: number;
  readonly firstKnownMs: number;
  /** When the last of these polls ended, and the next one, which no longer showed the key. */
  readonly toMs: number;
  readonly goneMs: number | null;
}

/**
 * Matches what a detector saw with the ground truth. A detection is true if a connection with its key
 * may have existed during one of its polls.
 *
 * @param truth connections of the detector's transport.
 */
export function matchDetections(truth: readonly TrueConnection[], recording: Recording): Matching {
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
  for (const { atMs, peerPort } of recording.reportedEnds) {
    const ended = endedUnseen(peerPort, atMs, byKey, known);
    if (ended !== undefined) {
      known.set(ended, { arrivalMs: atMs, departureMs: atMs });
    } else if (peerPort !== nameless) {
      falseMs.push(atMs);
    }
  }
  const detections = truth.map((connection) => {
    const { arrivalMs = null, departureMs = null } = known.get(connection) ?? {};
    return { connection, arrivalMs, departureMs };
  });
  return { detections, falseMs };
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

/** The runs of polls for each key. A failed poll neither begins nor ends one. */
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

/** The latest connection from this port that had ended by then and was not known. */
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
