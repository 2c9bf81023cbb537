import {
  BackendError,
  type BackendName,
  type Connection,
  type EndpointResult,
} from '../backends/types.ts';
import type { SkippedBackend } from '../backends/with-fallback.ts';
import { type FollowedConnection, follow } from './followed.ts';

/** What a watch of connections delivers. */
export type ConnectionsUpdate = CountedUpdate | UnknownUpdate;

/** All connections are known: the same poll saw a listener. */
export interface CountedUpdate {
  readonly kind: 'counted';
  /** All connections now. */
  readonly connections: readonly Connection[];
  /**
   * Those of them that are new since the last `counted` update; in the first, since the first poll that succeeded. So
   * what was there when the watch began has not arrived.
   */
  readonly arrived: readonly Connection[];
  /** Those that have left since then, as they were seen last. */
  readonly left: readonly Connection[];
  /**
   * At least this many connections have come and gone since then, and are in neither list: those that the kernel
   * reported although no poll had seen them (sock-diag, TCP), and those that polls saw while no update was asked for.
   */
  readonly unseen: number;
  /** How they were counted. */
  readonly backend: BackendName;
  /** Why the preferred backend, sock-diag, is not used; null if it is. */
  readonly skipped: SkippedBackend | null;
}

/** How many connections there are is not known. */
export interface UnknownUpdate {
  readonly kind: 'unknown';
  /** Its code is `ERR_NO_LISTENER` where nothing that can be seen here listens, and otherwise why the poll failed. */
  readonly error: BackendError;
  /** The connections that were seen all the same: a lower bound, not a count. */
  readonly connections: readonly Connection[];
}

/** What one poll says by itself. */
export type Reading = Pick<CountedUpdate, 'kind' | 'connections' | 'backend'> | UnknownUpdate;

/** A count is trusted only if the same poll saw a listener. */
export function readingOf(result: EndpointResult): Reading {
  if (result.kind === 'failed') {
    return { kind: 'unknown', error: result.error, connections: [] };
  }
  const { listenerInodes, connections } = result.snapshot;
  if (listenerInodes.length > 0) {
    return { kind: 'counted', connections, backend: result.backend };
  }
  const message = `nothing that can be seen here listens on ${result.endpoint.address}`;
  const error = new BackendError('ERR_NO_LISTENER', 'find the listener', message);
  return { kind: 'unknown', error, connections };
}

/** Gathers what polls show until it is delivered. */
export interface ConnectionChanges {
  /** Takes a poll in, with `EndpointPoller.seenBetweenPolls` after it. */
  observe(result: EndpointResult, seenBetweenPolls: number): void;
  /** What has changed since the last update, which is then delivered; null if nothing has. */
  take(skipped: SkippedBackend | null): ConnectionsUpdate | null;
}

export function createChanges(): ConnectionChanges {
  let reading: Reading | null = null;
  let seen: readonly Connection[] | null = null;
  let followed: readonly FollowedConnection[] = [];
  let betweenPolls = 0;
  // What the last counted update had; before that, what the first poll that succeeded had.
  let delivered: ReadonlySet<FollowedConnection> | null = null;
  let betweenPollsThen = 0;
  // The connections that have come and left since.
  let passed = 0;
  let isDue = false;

  /** @returns whether any has come or left. */
  const followTo = (connections: readonly Connection[]): boolean => {
    const before = followed;
    seen = connections;
    followed = follow(before, connections);
    const now = new Set(followed);
    const gone = before.filter((each) => !now.has(each));
    passed += gone.filter((each) => delivered?.has(each) === false).length;
    return gone.length > 0 || followed.length !== before.length;
  };

  return {
    observe(result, seenBetweenPolls) {
      const before = reading;
      reading = readingOf(result);
      isDue ||= !isSame(before, reading);
      isDue ||= reading.kind === 'counted' && seenBetweenPolls !== betweenPolls;
      betweenPolls = seenBetweenPolls;
      if (result.kind === 'polled' && result.snapshot.connections !== seen) {
        isDue = followTo(result.snapshot.connections) || isDue;
      }
      if (result.kind === 'polled' && delivered === null) {
        delivered = new Set(followed);
        betweenPollsThen = seenBetweenPolls;
      }
    },
    take(skipped) {
      if (!isDue || reading === null) {
        return null;
      }
      isDue = false;
      if (reading.kind === 'unknown') {
        return reading;
      }
      const now = new Set(followed);
      const then = delivered ?? new Set();
      const update: CountedUpdate = {
        ...reading,
        arrived: connectionsOf(followed.filter((each) => !then.has(each))),
        left: connectionsOf([...then].filter((each) => !now.has(each))),
        unseen: passed + betweenPolls - betweenPollsThen,
        skipped,
      };
      delivered = now;
      betweenPollsThen = betweenPolls;
      passed = 0;
      return update;
    },
  };
}

function connectionsOf(followed: readonly FollowedConnection[]): Connection[] {
  return followed.map(({ connection }) => connection);
}

/** Whether both say the same, but for the connections. */
function isSame(one: Reading | null, other: Reading): boolean {
  return one?.kind === 'counted'
    ? other.kind === 'counted' && one.backend === other.backend
    : one?.kind === other.kind && one.error.code === other.error.code;
}
