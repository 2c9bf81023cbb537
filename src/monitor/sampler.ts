import type { Process } from '../backends/procfs/processes.ts';
import type { Endpoint, EndpointLook, Sample, Sampler } from '../backends/types.ts';
import type { Looker } from '../backends/with-fallback.ts';
import type { DaemonWatch } from './daemon.ts';
import { connectionsOf, createJudge, isListening, listenersOf } from './judge.ts';

/** An endpoint to watch, and how to look at it. */
export interface WatchedEndpoint {
  readonly endpoint: Endpoint;
  /** A default that nobody asked for: it counts once it has a listener, or a client. */
  readonly isAssumed: boolean;
  readonly looker: Looker;
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
  const looks: EndpointLook[] = [];
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
    for (const [index, { looker }] of watched.entries()) {
      const seen = looker.look();
      isChanged ||= seen !== looks[index];
      looks[index] = seen;
    }
    return isChanged;
  };

  /** One socket may be watched by two paths: what is seen by the second is known by the first. */
  const isRepeated = (look: EndpointLook, index: number): boolean => {
    if (isListening(look)) {
      const isSame = looks
        .slice(0, index)
        .some((other) => listenersOf(look).every((inode) => listenersOf(other).includes(inode)));
      repeated[isSame ? 'add' : 'delete'](look.endpoint);
    }
    return look.kind === 'seen' && repeated.has(look.endpoint);
  };

  const sample = (): Sample => {
    // What was counted stays counted while every endpoint is as it was, its listener included.
    if (!lookAround() && last?.kind === 'counted' && silent.length === 0) {
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
      return (!isSpare || inUse.has(look.endpoint)) && !isRepeated(look, index);
    });
    last = judge(meant.length > 0 ? meant : [...looks]);
    listeners = last.looks.flatMap(listenersOf);
    noteSilent(last);
    return last;
  };

  const noteSilent = (now: Sample): void => {
    const before = silent;
    silent =
      now.kind === 'counted'
        ? now.looks.filter((look) => !isListening(look)).map(({ endpoint }) => endpoint)
        : [];
    if (silent.some((endpoint) => !before.includes(endpoint))) {
      onListenerGone(silent);
    }
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
