import {
  findOwners,
  type Owner,
  type ProcessScan,
  scanProcesses,
} from '../backends/procfs/scan.ts';
import { type Steps, takeAll } from '../backends/procfs/steps.ts';
import { createHolders } from './holders.ts';
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
   * Takes these steps soon, but not at once: the first search for the owners of the listeners, which
   * may take longer than everything else before the first sample. Questions before its end are
   * answered.
   */
  readonly defer?: (task: Steps<void>) => void;
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
    defer = takeAll,
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
  const holders = createHolders();

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
    return neverSeen(procRoot, pids, inPod || hasSeenListener);
  }, isKept);

  const findOwnersBy = function* (scanNow: () => ProcessScan): Steps<void> {
    const wanted = unowned;
    if (wanted === null) {
      return;
    }
    const current = scanNow();
    let found: readonly Owner[] | null = null;
    try {
      yield* current.readDaemons();
      hasSeenBuildkitd ||= current.daemons().length > 0;
      found = yield* findOwners(procRoot, current, wanted);
    } catch {
      // Not remembered, so that the next poll tries again.
    }
    // A question may have come first, or another listener.
    if (unowned !== wanted) {
      return;
    }
    unowned = null;
    const processes = found?.map(({ process }) => process) ?? [];
    owners = processes.length > 0 ? watchProcesses(procRoot, processes, socketsOf) : null;
    if (found !== null) {
      holders.note(wanted, found);
      remembered = wanted;
    }
  };

  const findOwnersNow = (): void => takeAll(findOwnersBy(takeScan));

  const findFirstOwners = function* (): Steps<void> {
    isStarting = false;
    recentScan ??= scanAnew();
    const shared = recentScan;
    yield* findOwnersBy(() => shared);
    recentScan = undefined;
  };
  defer(findFirstOwners());

  return {
    remember(listenerInodes) {
      hasSeenListener = true;
      if (sameNumbers(listenerInodes, unowned ?? remembered)) {
        return;
      }
      const isPutOff = isStarting && unowned === null;
      unowned = listenerInodes;
      if (!isPutOff) {
        // One that was read in part may lack a process that has started since.
        recentScan = undefined;
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
      return holders.of(listenerInodes);
    },

    haveNoOthers: (processes, connections) =>
      haveNoOthers(procRoot, processes, connections, socketsOf),
  };
}

function neverSeen(
  procRoot: string,
  pids: () => readonly number[],
  isElsewhere: boolean,
): DaemonState {
  if (isElsewhere) {
    return unknown("the daemon's process can't be seen from this container");
  }
  return pids().includes(1)
    ? { kind: 'dead', wasThere: false }
    : unknown(`${procRoot} hides other users' processes`);
}

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
