import { basename } from 'node:path';
import {
  findProcess,
  listPids,
  listPidsInSteps,
  type Process,
  processName,
  programOf,
  socketInodesInSteps,
  startedAs,
} from './processes.ts';
import { type Steps, takeAll } from './steps.ts';

/**
 * The processes in a /proc. Everything is read once, when it is first needed, so that all its users
 * share one reading. The methods throw the errors of the file system.
 */
export interface ProcessScan {
  readonly pids: () => readonly number[];
  /** The running processes that are called buildkitd. */
  readonly daemons: () => readonly Process[];
  /** Inodes of the sockets that a process holds; null if we may not read its descriptors. */
  readonly sockets: (pid: number) => ReadonlySet<number> | null;
  /** Reads in steps what `pids` and `daemons` return. */
  readonly readDaemons: () => Steps<void>;
  /** Reads in steps what `sockets` returns. */
  readonly readSockets: (pid: number) => Steps<void>;
}

// Reading what is needed of one takes 7 to 40 µs.
const processesPerStep = 8;

const daemonName = 'buildkitd';

export function scanProcesses(procRoot: string): ProcessScan {
  let pids: readonly number[] | undefined;
  let daemons: readonly Process[] | undefined;
  const held = new Map<number, ReadonlySet<number> | null>();

  const listed = (): readonly number[] => {
    pids ??= listPids(procRoot);
    return pids;
  };
  const readSockets = function* (pid: number): Steps<void> {
    if (!held.has(pid)) {
      held.set(pid, yield* socketInodesInSteps(procRoot, pid));
    }
  };
  return {
    pids: listed,
    daemons() {
      daemons ??= takeAll(findDaemons(procRoot, listed()));
      return daemons;
    },
    sockets(pid) {
      takeAll(readSockets(pid));
      return held.get(pid) ?? null;
    },
    *readDaemons() {
      pids ??= yield* listPidsInSteps(procRoot);
      daemons ??= yield* findDaemons(procRoot, pids);
    },
    readSockets,
  };
}

/**
 * There may be thousands of processes, and their names are the cheapest thing to read. Only if none
 * has the daemon's name, command lines and programs are searched as well: the daemon may have been
 * started through a link with another name, or as /proc/self/exe.
 */
function* findDaemons(procRoot: string, pids: readonly number[]): Steps<Process[]> {
  const running = function* (isDaemon: (pid: number) => boolean): Steps<Process[]> {
    const found: Process[] = [];
    for (const [index, pid] of pids.entries()) {
      if (index % processesPerStep === 0) {
        yield;
      }
      const process = isDaemon(pid) ? findProcess(procRoot, pid) : null;
      if (process !== null) {
        found.push(process);
      }
    }
    return found;
  };
  const named = yield* running((pid) => processName(procRoot, pid) === daemonName);
  return named.length > 0
    ? named
    : yield* running(
        (pid) =>
          basename(startedAs(procRoot, pid)) === daemonName ||
          basename(programOf(procRoot, pid)) === daemonName,
      );
}

/** A process, and the listeners that it holds. */
export interface Owner {
  readonly process: Process;
  readonly listeners: readonly number[];
}

/**
 * The processes that hold these listeners. A busy host has tens of thousands of descriptors to read,
 * so the likely processes come first; often they are all that is needed.
 */
export function* findOwners(
  procRoot: string,
  scan: ProcessScan,
  listenerInodes: readonly number[],
): Steps<Owner[]> {
  const unowned = new Set(listenerInodes);
  const owners: Owner[] = [];
  const take = (pid: number): void => {
    const held = scan.sockets(pid);
    const listeners = listenerInodes.filter((inode) => held?.has(inode));
    const process = listeners.length > 0 ? findProcess(procRoot, pid) : null;
    if (process !== null) {
      owners.push({ process, listeners });
      for (const inode of listeners) {
        unowned.delete(inode);
      }
    }
  };
  const pids = new Set([...scan.daemons().map(({ pid }) => pid), ...scan.pids()]);
  for (const [index, pid] of [...pids].entries()) {
    if (unowned.size === 0) {
      break;
    }
    if (index % processesPerStep === 0) {
      yield;
    }
    yield* scan.readSockets(pid);
    take(pid);
  }
  return owners;
}
