import {
  BackendError,
  type Connection,
  type CountedSample,
  type EndpointResult,
  type Sample,
} from '../backends/types.ts';
import type { Target } from './targets.ts';
import type { DaemonState, DaemonWatch, ProcessSockets } from './watch-processes.ts';

/** The result of polling an endpoint, and what is known about its daemon. */
export interface Polled {
  readonly result: EndpointResult;
  readonly target: Pick<Target, 'owners'>;
  /** The listeners that were seen last, by which the owners are known once they are gone. */
  readonly lastListeners: readonly number[];
}

export type Evaluated = Exclude<Sample, CountedSample> | Omit<CountedSample, 'revision'>;

/**
 * Makes a sample of the results of all endpoints. A count, above all a count of zero, is trusted if
 * each endpoint has a listener in the same poll, or else if all sockets of its daemon are known.
 *
 * @param wasSeen whether a listener or a connection has ever been seen.
 */
export function evaluate(
  polled: readonly Polled[],
  daemon: DaemonWatch,
  wasSeen: boolean,
): Evaluated {
  const results = polled.map(({ result }) => result);
  const connections = results.flatMap(connectionsOf);
  const listeners = results.flatMap(listenersOf);
  const failure = results.find((result) => result.kind === 'failed');
  if (failure !== undefined) {
    return { kind: 'failed', error: failure.error, results, connections };
  }
  if (listeners.length > 0) {
    daemon.remember(listeners);
  }
  const silent = polled.filter(({ result }) => !isListening(result));
  if (silent.length === 0 && results.length > 0) {
    return { kind: 'counted', results, connections };
  }
  const state = daemon.state();
  if (listeners.length === 0 && connections.length === 0 && state.kind === 'dead') {
    return { kind: 'gone', wasThere: wasSeen || state.wasThere, results };
  }
  return isConfirmed(silent, connections, state, daemon)
    ? { kind: 'counted', results, connections }
    : { kind: 'failed', error: noListener(silent, state), results, connections };
}

/** Whether all the sockets of a daemon without a listener confirm what was seen of its clients. */
function isConfirmed(
  silent: readonly Polled[],
  connections: readonly Connection[],
  state: DaemonState,
  daemon: DaemonWatch,
): boolean {
  const inodes = connections.map(({ inode }) => inode);
  const hasNoOthers = ({ target: { owners }, lastListeners }: Polled): boolean =>
    daemon.haveNoOthers(owners.length > 0 ? owners : daemon.ownersOf(lastListeners), inodes);
  return state.kind === 'alive' && (listensNowhere(state, inodes) || silent.every(hasNoOthers));
}

/** Whether a daemon listens nowhere, and has no other connections than these. */
function listensNowhere(
  { listensOn, connections, areAllKnown }: ProcessSockets,
  inodes: readonly number[],
): boolean {
  return (
    areAllKnown && listensOn.length === 0 && connections.every((inode) => inodes.includes(inode))
  );
}

function noListener(silent: readonly Polled[], daemon: DaemonState): BackendError {
  const addresses =
    silent.map(({ result }) => result.endpoint.address).join(' or ') || 'no address';
  const message = `nothing listens on ${addresses}, and ${aboutDaemon(daemon)}`;
  return new BackendError('ERR_NO_LISTENER', 'find the listener', message);
}

function aboutDaemon(daemon: DaemonState): string {
  switch (daemon.kind) {
    case 'alive':
      return daemon.listensOn.length === 0
        ? `the daemon (pid ${daemon.pid}) lives on without a listener that can be seen`
        : `the daemon (pid ${daemon.pid}) listens on ${daemon.listensOn.join(', ')}`;
    case 'dead':
      return 'no daemon process is left, but connections or other listeners are';
    case 'unknown':
      return daemon.reason;
  }
}

export function isListening(result: EndpointResult): boolean {
  return listenersOf(result).length > 0;
}

export function listenersOf(result: EndpointResult): readonly number[] {
  return result.kind === 'polled' ? result.snapshot.listenerInodes : [];
}

export function connectionsOf(result: EndpointResult): readonly Connection[] {
  return result.kind === 'polled' ? result.snapshot.connections : [];
}
