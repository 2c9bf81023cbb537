import { peerText } from './addresses.ts';
import {
  findProcess,
  isBuildkitd,
  listPids,
  type Process,
  socketInodes,
} from './procfs/processes.ts';
import { readTcpRows, readUnixRows } from './procfs/procfs.ts';

/** What is known of the daemon's process when nothing listens any more. */
export type DaemonState =
  | { readonly kind: 'alive'; readonly pid: number; readonly listensOn: readonly string[] }
  | { readonly kind: 'dead' }
  | { readonly kind: 'unknown'; readonly reason: string };

/** Follows the daemon's process, so that a vanished listener can be told from a vanished daemon. */
export interface DaemonWatch {
  /** Notes which processes hold these listeners, while they can still be found by them. */
  remember(listenerInodes: readonly number[]): void;
  state(): DaemonState;
}

// Reading all of /proc takes milliseconds on a big host, and so is not for every look.
const looksPerSearch = 10;

/**
 * @param procRoot where the kernel's process directory is mounted, usually `/proc`.
 * @param inPod whether this is a Kubernetes pod, where the daemon may run in another container, its
 * processes not to be seen from this one.
 */
export function watchDaemon(procRoot: string, inPod: boolean): DaemonWatch {
  let owners: readonly Process[] = [];
  let remembered: readonly number[] = [];
  let hasSeenListener = false;
  let hasSeenBuildkitd = false;

  const isRunning = ({ pid, startTime }: Process): boolean =>
    findProcess(procRoot, pid)?.startTime === startTime;

  const search = everyFewCalls((): DaemonState => {
    const pids = listPids(procRoot);
    const pid = pids.find((each) => isBuildkitd(procRoot, each) && findProcess(procRoot, each));
    if (pid !== undefined) {
      hasSeenBuildkitd = true;
      return { kind: 'alive', pid, listensOn: listensOn(procRoot, pid) };
    }
    if (hasSeenBuildkitd) {
      return { kind: 'dead' };
    }
    if (inPod || hasSeenListener) {
      return unknown("the daemon's process can't be seen from this container");
    }
    const showsAll = pids.includes(1);
    return showsAll ? { kind: 'dead' } : unknown(`${procRoot} hides other users' processes`);
  }, isNotDead);

  const ownersListenOn = everyFewCalls((pid: number) => listensOn(procRoot, pid));

  const ownersState = (): DaemonState => {
    // A hidden /proc would make every process look dead.
    listPids(procRoot);
    const alive = owners.find(isRunning);
    return alive === undefined
      ? { kind: 'dead' }
      : { kind: 'alive', pid: alive.pid, listensOn: ownersListenOn(alive.pid) };
  };

  return {
    remember(listenerInodes) {
      hasSeenListener = true;
      if (sameNumbers(listenerInodes, remembered)) {
        return;
      }
      try {
        const pids = listPids(procRoot);
        const named = pids.filter((pid) => isBuildkitd(procRoot, pid));
        hasSeenBuildkitd ||= named.length > 0;
        owners = findOwners(procRoot, new Set([...named, ...pids]), listenerInodes);
        remembered = listenerInodes;
      } catch {
        // Not remembered, and so tried again at the next look.
        owners = [];
      }
    },

    state() {
      try {
        return owners.length > 0 ? ownersState() : search();
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

/** Computes at the first call and at every tenth; between them the value stands, if it is to be kept. */
function everyFewCalls<Arguments extends unknown[], Value>(
  compute: (...values: Arguments) => Value,
  isKept: (value: Value) => boolean = () => true,
): (...values: Arguments) => Value {
  let calls = 0;
  let kept: { value: Value } | undefined;
  return (...values) => {
    const value =
      kept === undefined || calls % looksPerSearch === 0 ? compute(...values) : kept.value;
    calls += 1;
    kept = isKept(value) ? { value } : undefined;
    return value;
  };
}

function sameNumbers(some: readonly number[], others: readonly number[]): boolean {
  return some.length === others.length && some.every((value) => others.includes(value));
}

/**
 * The processes that hold these listeners. On a busy host there are tens of thousands of descriptors
 * to read, so the likely ones come first, and often are all.
 */
function findOwners(
  procRoot: string,
  pids: ReadonlySet<number>,
  listenerInodes: readonly number[],
): Process[] {
  const unowned = new Set(listenerInodes);
  const owners: Process[] = [];
  for (const pid of pids) {
    if (unowned.size === 0) {
      break;
    }
    const held = socketInodes(procRoot, pid);
    const listeners = listenerInodes.filter((inode) => held.has(inode));
    const owner = listeners.length > 0 ? findProcess(procRoot, pid) : null;
    if (owner !== null) {
      owners.push(owner);
      for (const inode of listeners) {
        unowned.delete(inode);
      }
    }
  }
  return owners;
}

/** The addresses that a process listens on, in its own network namespace, as far as one can see. */
function listensOn(procRoot: string, pid: number): string[] {
  try {
    return readListeners(procRoot, pid);
  } catch {
    return [];
  }
}

function readListeners(procRoot: string, pid: number): string[] {
  const held = socketInodes(procRoot, pid);
  const netDirectory = `${procRoot}/${pid}/net`;
  const isOwn = (row: { state: string; inode: number }): boolean =>
    row.state === 'listen' && held.has(row.inode);
  const tcp = readTcpRows(netDirectory).filter(isOwn);
  const unix = readUnixRows(netDirectory).filter(isOwn);
  return [
    ...tcp.map(({ localAddress, localPort }) => `tcp://${peerText(localAddress, localPort)}`),
    ...unix.map(({ name }) => `unix://${name}`),
  ];
}
