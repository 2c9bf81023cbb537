import type { Looker } from './choose.ts';
import type { DaemonState, DaemonWatch } from './daemon.ts';
import type { Connection, Endpoint, EndpointLook, FailedSample, Sample, Sampler } from './types.ts';
import { InspectError } from './types.ts';

/** An endpoint to watch, and how to look at it. */
export interface WatchedEndpoint {
  readonly endpoint: Endpoint;
  /** A default that nobody asked for: it counts once it has a listener, or a client. */
  readonly isAssumed: boolean;
  readonly looker: Looker;
}

/** Makes what looks at these endpoints, and at the daemon where nothing listens. */
export function createSampler(watched: readonly WatchedEndpoint[], daemon: DaemonWatch): Sampler {
  const inUse = new Set<Endpoint>();
  const looks: EndpointLook[] = [];
  let listeners: readonly number[] = [];
  let last: Sample | undefined;

  /** Looks everywhere, and tells whether anything is not as it was. */
  const lookAround = (): boolean => {
    let isChanged = false;
    for (const [index, { looker }] of watched.entries()) {
      const seen = looker.look();
      isChanged ||= seen !== looks[index];
      looks[index] = seen;
    }
    return isChanged;
  };

  const sample = (): Sample => {
    // What was counted stays counted while every endpoint is as it was, its listener included.
    if (!lookAround() && last?.kind === 'counted') {
      daemon.remember(listeners);
      return last;
    }
    for (const look of looks) {
      if (isListening(look) || connectionsOf(look).length > 0) {
        inUse.add(look.endpoint);
      }
    }
    const meant = looks.filter((look, index) => {
      const isSpare = look.kind === 'seen' && watched[index]?.isAssumed === true;
      return !isSpare || inUse.has(look.endpoint);
    });
    const judged = meant.length > 0 ? meant : [...looks];
    listeners = judged.flatMap(listenersOf);
    last = judge(judged, listeners, daemon);
    return last;
  };

  return {
    sample,
    isUnchanged() {
      return last?.kind === 'counted' && watched.every(({ looker }) => looker.isUnchanged());
    },
    traffic() {
      return new Map(watched.flatMap(({ looker }) => [...looker.traffic()]));
    },
    endedTraffic() {
      return watched.flatMap(({ looker }) => looker.endedTraffic());
    },
    announcesEnd(connection) {
      const at = watched.filter(({ endpoint }) => endpoint.address === connection.endpoint);
      return at.length > 0 && at.every(({ looker }) => looker.announcesEnds());
    },
  };
}

function judge(
  looks: readonly EndpointLook[],
  listeners: readonly number[],
  daemon: DaemonWatch,
): Sample {
  const connections = looks.flatMap(connectionsOf);
  const fail = (error: InspectError): FailedSample => ({
    kind: 'failed',
    error,
    looks,
    connections,
  });

  const unseen = looks.find((look) => look.kind === 'unseen');
  if (unseen !== undefined) {
    return fail(unseen.error);
  }
  if (listeners.length > 0) {
    daemon.remember(listeners);
  }
  const silent = looks.filter((look) => !isListening(look));
  if (silent.length === 0 && looks.length > 0) {
    return { kind: 'counted', looks, connections };
  }
  const state = daemon.state();
  const isGone = listeners.length === 0 && connections.length === 0 && state.kind === 'dead';
  return isGone ? { kind: 'gone', looks } : fail(noListener(silent, state));
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

function isListening(look: EndpointLook): boolean {
  return listenersOf(look).length > 0;
}

function listenersOf(look: EndpointLook): readonly number[] {
  return look.kind === 'seen' ? look.sight.listenerInodes : [];
}

function connectionsOf(look: EndpointLook): readonly Connection[] {
  return look.kind === 'seen' ? look.sight.connections : [];
}
