import type { Process } from '../backends/procfs/processes.ts';
import type { Endpoint, EndpointResult, Sample, Sampler } from '../backends/types.ts';
import type { EndpointPoller } from '../backends/with-fallback.ts';
import type { DaemonWatch } from './daemon.ts';
import { connectionsOf, createJudge, isListening, listenersOf } from './judge.ts';

/** An endpoint to watch, and how to look at it. */
export interface WatchedEndpoint {
  readonly endpoint: Endpoint;
  /** A default that nobody asked for: it counts once it has a listener, or a client. */
  readonly isAssumed: boolean;
  readonly poller: EndpointPoller;
  /** Whose it is, where that is known otherwise than by its listener. */
  readonly owners?: readonly Process[];
}

/**
 * Makes what looks at these endpoints, and at the daemon where nothing listens.
 *
 * @param onListenerGone hears of endpoints where nothing listens, and whose clients are counted all the
 * same, since all the sockets of the daemon are known.
 */
export function createSampler(
  watched: readonly WatchedEndpoint[],
  daemon: DaemonWatch,
  onListenerGone: (silent: readonly Endpoint[]) => void = () => {},
): Sampler {
  const inUse = new Set<Endpoint>();
  const repeated = new Set<Endpoint>();
  const results: EndpointResult[] = [];
  const judge = createJudge(
    daemon,
    (endpoint) => watched.find((each) => each.endpoint === endpoint)?.owners ?? [],
  );
  let listeners: readonly number[] = [];
  let silent: readonly Endpoint[] = [];
  let last: Sample | undefined;

  /** Looks everywhere, and tells whether anything is not as it was. */
  const lookAround = (): boolean => {
    let isChanged = false;
    for (const [index, { poller }] of watched.entries()) {
      const seen = poller.poll();
      isChanged ||= seen !== results[index];
      results[index] = seen;
    }
    return isChanged;
  };

  /** One socket may be watched by two paths: what is seen by the second is known by the first. */
  const isRepeated = (result: EndpointResult, index: number): boolean => {
    if (isListening(result)) {
      const isSame = results
        .slice(0, index)
        .some((other) => listenersOf(result).every((inode) => listenersOf(other).includes(inode)));
      repeated[isSame ? 'add' : 'delete'](result.endpoint);
    }
    return result.kind === 'polled' && repeated.has(result.endpoint);
  };

  const sample = (): Sample => {
    // What was counted stays counted while every endpoint is as it was, its listener included.
    if (!lookAround() && last?.kind === 'counted' && silent.length === 0) {
      daemon.remember(listeners);
      return last;
    }
    for (const result of results) {
      if (isListening(result) || connectionsOf(result).length > 0) {
        inUse.add(result.endpoint);
      }
    }
    const meant = results.filter((result, index) => {
      const isSpare = result.kind === 'polled' && watched[index]?.isAssumed === true;
      return (!isSpare || inUse.has(result.endpoint)) && !isRepeated(result, index);
    });
    last = judge(meant.length > 0 ? meant : [...results]);
    listeners = last.results.flatMap(listenersOf);
    noteSilent(last);
    return last;
  };

  const noteSilent = (now: Sample): void => {
    const before = silent;
    silent =
      now.kind === 'counted'
        ? now.results.filter((result) => !isListening(result)).map(({ endpoint }) => endpoint)
        : [];
    if (silent.some((endpoint) => !before.includes(endpoint))) {
      onListenerGone(silent);
    }
  };

  return {
    sample,
    isUnchanged() {
      return last?.kind === 'counted' && watched.every(({ poller }) => poller.isUnchanged());
    },
    traffic() {
      return new Map(watched.flatMap(({ poller }) => [...poller.traffic()]));
    },
    endedTraffic() {
      return watched.flatMap(({ poller }) => poller.endedTraffic());
    },
    announcesEnd(connection) {
      const at = watched.filter(({ endpoint }) => endpoint.address === connection.endpoint);
      return at.length > 0 && at.every(({ poller }) => poller.announcesEnds());
    },
  };
}
