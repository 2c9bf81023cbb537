import { openPollLoop, type TrackerAt, trackersAt } from '../backends/poll-loop.ts';
import type { PollLoop } from '../backends/poll-plan.ts';
import type { Process } from '../backends/procfs/processes.ts';
import { factsOf } from '../backends/snapshot.ts';
import {
  BackendError,
  type Connection,
  type EndpointResult,
  type Sampler,
  type TcpFacts,
  type Traffic,
  type TrafficOf,
} from '../backends/types.ts';
import type { EndpointPoller } from '../backends/with-fallback.ts';
import { connectionsOf, isListening, listenersOf } from './evaluate.ts';
import { type Target, targetKey } from './targets.ts';

const noTraffic: TrafficOf = new Map();

/** A target, and what is known about its endpoint. */
export interface Watched {
  readonly target: Target;
  readonly poller: EndpointPoller;
  /** That of the latest poll of all targets. */
  result: EndpointResult;
  /** Whether a listener or a connection has been seen. From then on, an assumed target counts. */
  isInUse: boolean;
  /** Whether an earlier target leads to the same socket: its connections are counted there. */
  isRepeated: boolean;
  /** The listeners that were seen last. */
  lastListeners: readonly number[];
  /** The listeners of the latest trusted sample. Once one of them is gone, the targets may be wrong. */
  trustedListeners: readonly number[];
}

/** The endpoints that are polled, each with its descriptors. */
export interface WatchedEndpoints extends Pick<Sampler, 'traffic' | 'takeEnded' | 'announcesEnd'> {
  readonly all: () => readonly Watched[];
  readonly targets: () => readonly Target[];
  /** @returns whether any result differs from that of the poll before. */
  readonly poll: () => boolean;
  /** Whether a poll now would give the same results, all of them with a listener. */
  readonly isUnchanged: () => boolean;
  /** The same without JavaScript; null if the results are no such ones, or an endpoint needs it. */
  readonly loop: () => PollLoop | null;
  /** Polls these targets from now on. What is known about those that stay is kept. */
  readonly replace: (targets: readonly Target[], isRunning: (process: Process) => boolean) => void;
  /** Calls back soon after a connection has ended, where the kernel reports ends. */
  readonly onEnd: (callback: () => void) => void;
  /** At least this many connections have come and gone between two polls. */
  readonly seenBetweenPolls: () => number;
  readonly close: () => void;
}

export function watchEndpoints(
  targets: readonly Target[],
  open: (target: Target) => EndpointPoller,
): WatchedEndpoints {
  const pollLoop = openPollLoop();
  let onEnd: (() => void) | null = null;
  let seenByDropped = 0;

  const watch = (target: Target): Watched => {
    const poller = open(target);
    if (onEnd !== null) {
      poller.onEnd(onEnd);
    }
    return {
      ...{ target, poller, result: notPolled(target), isInUse: false, isRepeated: false },
      ...{ lastListeners: [], trustedListeners: [] },
    };
  };

  let watched = targets.map(watch);

  return {
    all: () => watched,
    targets: () => watched.map(({ target }) => target),
    poll() {
      let isChanged = false;
      for (const each of watched) {
        const result = each.poller.poll();
        isChanged ||= !isSameResult(result, each.result);
        each.result = result;
      }
      if (isChanged) {
        noteUse(watched);
      }
      return isChanged;
    },
    isUnchanged: () => watched.every(isUnchanged),
    loop() {
      const trackers = watched.map(trackersOf);
      return trackers.every((each) => each !== null) ? pollLoop.of(trackers.flat()) : null;
    },
    replace(next, isRunning) {
      const before = watched;
      watched = next.map((target) => {
        const known = before.find((each) => targetKey(each.target) === targetKey(target));
        return known === undefined ? watch(target) : again(known, target, isRunning);
      });
      for (const { poller } of before) {
        if (!watched.some((each) => each.poller === poller)) {
          seenByDropped += poller.seenBetweenPolls();
          poller.close();
        }
      }
    },
    traffic() {
      const all = new Map<Connection, Traffic>();
      for (const each of watched) {
        for (const [connection, traffic] of factOf(each, (tcp) => tcp.traffic(), noTraffic)) {
          all.set(connection, traffic);
        }
      }
      return all;
    },
    takeEnded: () => watched.flatMap((each) => factOf(each, (tcp) => tcp.takeEnded(), [])),
    announcesEnd({ endpoint: address }) {
      const at = watched.filter(({ target }) => target.endpoint.address === address);
      return at.length > 0 && at.every((each) => factOf(each, (tcp) => tcp.announcesEnds(), false));
    },
    onEnd(callback) {
      onEnd = callback;
      for (const { poller } of watched) {
        poller.onEnd(callback);
      }
    },
    seenBetweenPolls: () =>
      watched.reduce((sum, { poller }) => sum + poller.seenBetweenPolls(), seenByDropped),
    close() {
      pollLoop.close();
      for (const { poller } of watched) {
        poller.close();
      }
    },
  };
}

function notPolled({ endpoint }: Target): EndpointResult {
  const error = new BackendError('ERR_NOT_POLLED', 'poll', 'the endpoint was not polled yet');
  return { kind: 'failed', endpoint, error };
}

/** What is known of an endpoint, for a target that was found there again. */
function again(known: Watched, target: Target, isRunning: (process: Process) => boolean): Watched {
  // Once all daemons that were seen there are dead, the next one need not listen there.
  const { owners } = known.target;
  const isInUse = known.isInUse && (owners.length === 0 || owners.some(isRunning));
  return { ...known, target, result: notPolled(target), isInUse, isRepeated: false };
}

function isSameResult(one: EndpointResult, other: EndpointResult): boolean {
  return (
    one.kind === 'polled' &&
    other.kind === 'polled' &&
    one.backend === other.backend &&
    one.snapshot.revision === other.snapshot.revision
  );
}

/** Whether a poll now would give the same result, and that has a listener. */
function isUnchanged({ poller, result }: Watched): boolean {
  try {
    return (
      result.kind === 'polled' &&
      isListening(result) &&
      poller.current()?.poll().revision === result.snapshot.revision
    );
  } catch {
    // The next sample fails as well, and reports why.
    return false;
  }
}

function trackersOf({ poller, result }: Watched): readonly TrackerAt[] | null {
  const open = poller.current();
  return open !== null && result.kind === 'polled' && isListening(result)
    ? trackersAt(open, result.snapshot.revision)
    : null;
}

function noteUse(watched: readonly Watched[]): void {
  for (const [index, each] of watched.entries()) {
    const listeners = listenersOf(each.result);
    each.isInUse ||= listeners.length > 0 || connectionsOf(each.result).length > 0;
    if (listeners.length > 0) {
      each.lastListeners = listeners;
      each.isRepeated = watched
        .slice(0, index)
        .some(({ result }) => listeners.every((inode) => listenersOf(result).includes(inode)));
    }
  }
}

/**
 * Facts about TCP connections make a wait shorter, and its log better. If they can't be read, all
 * connections count.
 */
function factOf<Value>(
  { poller }: Watched,
  read: (tcp: TcpFacts) => Value,
  otherwise: Value,
): Value {
  try {
    const tcp = factsOf(poller.current());
    return tcp === null ? otherwise : read(tcp);
  } catch {
    return otherwise;
  }
}
