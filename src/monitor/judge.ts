import type { Process } from '../backends/procfs/processes.ts';
import {
  BackendError,
  type Connection,
  type Endpoint,
  type EndpointResult,
  type Sample,
} from '../backends/types.ts';
import type { DaemonState, DaemonWatch, ProcessSockets } from './daemon-state.ts';

/**
 * Makes what says what looks at the endpoints come to.
 *
 * @param ownersOf whose an endpoint is, where that is known otherwise than by its listener.
 */
export function createJudge(
  daemon: DaemonWatch,
  ownersOf: (endpoint: Endpoint) => readonly Process[],
): (results: readonly EndpointResult[]) => Sample {
  // By these their owners are known when they are gone.
  const lastListeners = new Map<Endpoint, readonly number[]>();
  let hasSeenAny = false;

  /** Whether all the sockets of a daemon without a listener vouch for what is seen of its clients. */
  const isVouchedFor = (
    silent: readonly EndpointResult[],
    connections: readonly Connection[],
    state: DaemonState,
  ): boolean => {
    const inodes = connections.map(({ inode }) => inode);
    const hasNoOthers = ({ endpoint }: EndpointResult): boolean => {
      const owners = ownersOf(endpoint);
      const known = owners.length > 0 ? owners : daemon.ownersOf(lastListeners.get(endpoint) ?? []);
      return daemon.haveNoOthers(known, inodes);
    };
    return state.kind === 'alive' && (listensNowhere(state, inodes) || silent.every(hasNoOthers));
  };

  const noteSeen = (results: readonly EndpointResult[]): void => {
    hasSeenAny ||= results.some(
      (result) => isListening(result) || connectionsOf(result).length > 0,
    );
    for (const result of results.filter(isListening)) {
      lastListeners.set(result.endpoint, listenersOf(result));
    }
  };

  return (results) => {
    const connections = results.flatMap(connectionsOf);
    const listeners = results.flatMap(listenersOf);
    noteSeen(results);
    const unseen = results.find((result) => result.kind === 'failed');
    if (unseen !== undefined) {
      return { kind: 'failed', error: unseen.error, results, connections };
    }
    if (listeners.length > 0) {
      daemon.remember(listeners);
    }
    const silent = results.filter((result) => !isListening(result));
    if (silent.length === 0 && results.length > 0) {
      return { kind: 'counted', results, connections };
    }
    const state = daemon.state();
    if (listeners.length === 0 && connections.length === 0 && state.kind === 'dead') {
      return { kind: 'gone', wasThere: hasSeenAny || state.wasThere, results };
    }
    return isVouchedFor(silent, connections, state)
      ? { kind: 'counted', results, connections }
      : { kind: 'failed', error: noListener(silent, state), results, connections };
  };
}

/** Whether a daemon takes clients nowhere, and has none but these. */
function listensNowhere(
  { listensOn, connections, areAllKnown }: ProcessSockets,
  inodes: readonly number[],
): boolean {
  return (
    areAllKnown && listensOn.length === 0 && connections.every((inode) => inodes.includes(inode))
  );
}

function noListener(silent: readonly EndpointResult[], daemon: DaemonState): BackendError {
  const addresses = silent.map(({ endpoint }) => endpoint.address).join(' or ') || 'no address';
  const message = `nothing listens on ${addresses}, and ${aboutDaemon(daemon)}`;
  return new BackendError('ERR_NO_LISTENER', 'look for the listener', message);
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
