import type { Process } from '../backends/procfs/processes.ts';
import {
  type Connection,
  type Endpoint,
  type EndpointLook,
  InspectError,
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
): (looks: readonly EndpointLook[]) => Sample {
  // By these their owners are known when they are gone.
  const lastListeners = new Map<Endpoint, readonly number[]>();
  let hasSeenAny = false;

  /** Whether all the sockets of a daemon without a listener vouch for what is seen of its clients. */
  const isVouchedFor = (
    silent: readonly EndpointLook[],
    connections: readonly Connection[],
    state: DaemonState,
  ): boolean => {
    const inodes = connections.map(({ inode }) => inode);
    const hasNoOthers = ({ endpoint }: EndpointLook): boolean => {
      const owners = ownersOf(endpoint);
      const known = owners.length > 0 ? owners : daemon.ownersOf(lastListeners.get(endpoint) ?? []);
      return daemon.haveNoOthers(known, inodes);
    };
    return state.kind === 'alive' && (listensNowhere(state, inodes) || silent.every(hasNoOthers));
  };

  const noteSeen = (looks: readonly EndpointLook[]): void => {
    hasSeenAny ||= looks.some((look) => isListening(look) || connectionsOf(look).length > 0);
    for (const look of looks.filter(isListening)) {
      lastListeners.set(look.endpoint, listenersOf(look));
    }
  };

  return (looks) => {
    const connections = looks.flatMap(connectionsOf);
    const listeners = looks.flatMap(listenersOf);
    noteSeen(looks);
    const unseen = looks.find((look) => look.kind === 'unseen');
    if (unseen !== undefined) {
      return { kind: 'failed', error: unseen.error, looks, connections };
    }
    if (listeners.length > 0) {
      daemon.remember(listeners);
    }
    const silent = looks.filter((look) => !isListening(look));
    if (silent.length === 0 && looks.length > 0) {
      return { kind: 'counted', looks, connections };
    }
    const state = daemon.state();
    if (listeners.length === 0 && connections.length === 0 && state.kind === 'dead') {
      return { kind: 'gone', wasThere: hasSeenAny || state.wasThere, looks };
    }
    return isVouchedFor(silent, connections, state)
      ? { kind: 'counted', looks, connections }
      : { kind: 'failed', error: noListener(silent, state), looks, connections };
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

function noListener(silent: readonly EndpointLook[], daemon: DaemonState): InspectError {
  const addresses = silent.map(({ endpoint }) => endpoint.address).join(' or ') || 'no address';
  const message = `nothing listens on ${addresses}, and ${aboutDaemon(daemon)}`;
  return new InspectError('ERR_NO_LISTENER', 'look for the listener', message);
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

export function isListening(look: EndpointLook): boolean {
  return listenersOf(look).length > 0;
}

export function listenersOf(look: EndpointLook): readonly number[] {
  return look.kind === 'seen' ? look.sight.listenerInodes : [];
}

export function connectionsOf(look: EndpointLook): readonly Connection[] {
  return look.kind === 'seen' ? look.sight.connections : [];
}
