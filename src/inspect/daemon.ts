import type { DaemonState, DaemonWatch } from './daemon-state.ts';
import { everyFewCalls } from './every-few-calls.ts';
import { findOwners, listensOn } from './procfs/owners.ts';
import { type ProcessScan, scanProcesses } from './procfs/scan.ts';
import { watchProcesses } from './watch-processes.ts';

export type { DaemonState, DaemonWatch };

export interface DaemonWatchOptions {
  /** What was just read of the processes for another purpose. */
  readonly scan?: ProcessScan | undefined;
  /**
   * Has a task done soon, and not at once: the first search for the listeners' owners, which may
   * take longer than all else before the first sample. What is asked before is answered all the same.
   */
  readonly defer?: (task: () => void) => void;
  /** Whether any process called buildkitd will do when those that held the listeners are dead. */
  readonly anyDaemon?: boolean;
}

/**
 * @param procRoot where the kernel's process directory is mounted, usually `/proc`.
 * @param inPod whether this is a Kubernetes pod, where the daemon may run in another container, its
 * processes not to be seen from this one.
 */
export function watchDaemon(
  procRoot: string,
  inPod: boolean,
  { scan, defer = (task) => task(), anyDaemon = false }: DaemonWatchOptions = {},
): DaemonWatch {
  let owners: DaemonWatch | null = null;
  let remembered: readonly number[] = [];
  let unowned: readonly number[] | null = null;
  let hasSeenListener = false;
  let hasSeenBuildkitd = false;
  let recentScan = scan;
  let isStarting = true;

  const takeScan = (): ProcessScan => {
    const taken = recentScan ?? scanProcesses(procRoot);
    recentScan = undefined;
    return taken;
  };

  const search = everyFewCalls((): DaemonState => {
    const { daemons, pids } = takeScan();
    const [daemon] = daemons();
    if (daemon !== undefined) {
      hasSeenBuildkitd = true;
      const { pid } = daemon;
      return { kind: 'alive', pid, listensOn: listensOn(procRoot, pid) };
    }
    if (hasSeenBuildkitd) {
      return { kind: 'dead' };
    }
    if (inPod || hasSeenListener) {
      return unknown("the daemon's process can't be seen from this container");
    }
    const showsAll = pids().includes(1);
    return showsAll ? { kind: 'dead' } : unknown(`${procRoot} hides other users' processes`);
  }, isNotDead);

  const findOwnersNow = (): void => {
    if (unowned === null) {
      return;
    }
    try {
      const current = takeScan();
      hasSeenBuildkitd ||= current.daemons().length > 0;
      const found = findOwners(procRoot, current, unowned);
      owners = found.length > 0 ? watchProcesses(procRoot, found) : null;
      remembered = unowned;
    } catch {
      // Not remembered, and so tried again at the next look.
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
  };
}

// The second look that makes sure of a dead daemon is a look of its own.
function isNotDead({ kind }: DaemonState): boolean {
  return kind !== 'dead';
}

function unknown(reason: string): DaemonState {
  return { kind: 'unknown', reason };
}

function sameNumbers(some: readonly number[], others: readonly number[]): boolean {
  return some.length === others.length && some.every((value) => others.includes(value));
}
