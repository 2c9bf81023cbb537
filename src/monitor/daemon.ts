import type { Process } from '../backends/procfs/processes.ts';
import { findOwners, type ProcessScan, scanProcesses } from '../backends/procfs/scan.ts';
import {
  aliveState,
  createSocketsReader,
  type DaemonState,
  type DaemonWatch,
  haveNoOthers,
  memoizeCalls,
  type SocketsReader,
  watchProcesses,
} from './watch-processes.ts';

export interface DaemonWatchOptions {
  /** A scan of the processes that was just made for another purpose. */
  readonly scan?: ProcessScan | undefined;
  /** Scans the processes again; its daemons are taken to be the ones that are watched. */
  readonly scanAnew?: () => ProcessScan;
  readonly socketsOf?: SocketsReader;
  /**
   * Runs a task soon, but not at once: the first search for the owners of the listeners, which may
   * take longer than everything else before the first sample. Questions before that are answered.
   */
  readonly defer?: (task: () => void) => void;
  /** Whether any daemon counts as alive once the processes that held the listeners are dead. */
  readonly anyDaemon?: boolean;
}

/**
 * @param procRoot where the kernel's process directory is mounted, usually `/proc`.
 * @param inPod whether this is a Kubernetes pod, where the daemon may run in another container, so
 * that its processes can't be seen from this one.
 */
export function watchDaemon(
  procRoot: string,
  inPod: boolean,
  {
    scan,
    scanAnew = () => scanProcesses(procRoot),
    socketsOf = createSocketsReader(procRoot),
    defer = (task) => task(),
    anyDaemon = false,
  }: DaemonWatchOptions = {},
): DaemonWatch {
  let owners: DaemonWatch | null = null;
  let remembered: readonly number[] = [];
  let unowned: readonly number[] | null = null;
  let hasSeenListener = false;
  let hasSeenBuildkitd = false;
  let recentScan = scan;
  let isStarting = true;
  // The processes that were found to hold each listener, the latest listener last.
  let holders = new Map<number, readonly Process[]>();

  const takeScan = (): ProcessScan => {
    const taken = recentScan ?? scanAnew();
    recentScan = undefined;
    return taken;
  };

  const search = memoizeCalls((): DaemonState => {
    const { daemons, pids } = takeScan();
    const [first, ...others] = daemons();
    if (first !== undefined) {
      hasSeenBuildkitd = true;
      return aliveState(first, others, socketsOf);
    }
    if (hasSeenBuildkitd) {
      return { kind: 'dead', wasThere: true };
    }
    if (inPod || hasSeenListener) {
      return unknown("the daemon's process can't be seen from this container");
    }
    const showsAll = pids().includes(1);
    return showsAll
      ? { kind: 'dead', wasThere: false }
      : unknown(`${procRoot} hides other users' processes`);
  }, isKept);

  const findOwnersNow = (): void => {
    if (unowned === null) {
      return;
    }
    try {
      const current = takeScan();
      hasSeenBuildkitd ||= current.daemons().length > 0;
      const found = findOwners(procRoot, current, unowned);
      const processes = found.map(({ process }) => process);
      owners = found.length > 0 ? watchProcesses(procRoot, processes, socketsOf) : null;
      for (const inode of unowned) {
        const all = found.filter(({ listeners }) => listeners.includes(inode));
        holders.set(
          inode,
          all.map(({ process }) => process),
        );
      }
      holders = new Map([...holders].slice(-mostHolders));
      remembered = unowned;
    } catch {
      // Not remembered, so that the next poll tries again.
      owners = null;
    }
    unowned = null;
  };

  defer(() => {
    isStarting = false;
    findOwnersNow();
    recentScan = undefined;
  });

  return {
    remember(listenerInodes) {
      hasSeenListener = true;
      if (sameNumbers(listenerInodes, remembered)) {
        return;
      }
      const isPutOff = isStarting && unowned === null;
      unowned = listenerInodes;
      if (!isPutOff) {
        findOwnersNow();
      }
    },

    state() {
      try {
        findOwnersNow();
        const state = owners?.state() ?? search();
        return owners !== null && anyDaemon && state.kind === 'dead' ? search() : state;
      } catch (error) {
        return unknown(`processes can't be read (${(error as Error).message})`);
      }
    },

    ownersOf(listenerInodes) {
      findOwnersNow();
      const found = listenerInodes.flatMap((inode) => holders.get(inode) ?? []);
      return [...new Map(found.map((process) => [process.pid, process])).values()];
    },

    haveNoOthers: (processes, connections) =>
      haveNoOthers(procRoot, processes, connections, socketsOf),
  };
}

// Listeners may come and go all the time.
const mostHolders = 100;

// A count or an exit may be based on the other states, so each poll has to find those itself.
function isKept(state: DaemonState): boolean {
  return (
    state.kind === 'unknown' ||
    (state.kind === 'alive' && !(state.areAllKnown && state.listensOn.length === 0))
  );
}

function unknown(reason: string): DaemonState {
  return { kind: 'unknown', reason };
}

function sameNumbers(some: readonly number[], others: readonly number[]): boolean {
  return some.length === others.length && some.every((value) => others.includes(value));
}
