import { basename } from 'node:path';
import {
  findProcess,
  listPids,
  type Process,
  processName,
  programOf,
  socketInodes,
  startedAs,
} from './processes.ts';

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
}

const daemonName = 'buildkitd';

export function scanProcesses(procRoot: string): ProcessScan {
  const pids = once(() => listPids(procRoot));
  const daemons = once(() => findDaemons(procRoot, pids()));
  const held = new Map<number, ReadonlySet<number> | null>();
  return {
    pids,
    daemons,
    sockets(pid) {
      const known = held.get(pid);
      if (known !== undefined) {
        return known;
      }
      const inodes = socketInodes(procRoot, pid);
      held.set(pid, inodes);
      return inodes;
    },
  };
}

/**
 * There may be thousands of processes, and their names are the cheapest thing to read. Only if none
 * has the daemon's name, command lines and programs are searched as well: the daemon may have been
 * started through a link with another name, or as /proc/self/exe.
 */
function findDaemons(procRoot: string, pids: readonly number[]): Process[] {
  const running = (isDaemon: (pid: number) => boolean): Process[] =>
    pids.filter(isDaemon).flatMap((pid) => findProcess(procRoot, pid) ?? []);
  const named = running((pid) => processName(procRoot, pid) === daemonName);
  return named.length > 0
    ? named
    : running(
        (pid) =>
          basename(startedAs(procRoot, pid)) === daemonName ||
          basename(programOf(procRoot, pid)) === daemonName,
      );
}

/** A process, and the listeners that it holds. */
interface Owner {
  readonly process: Process;
  readonly listeners: readonly number[];
}

/**
 * The processes that hold these listeners. A busy host has tens of thousands of descriptors to read,
 * so the likely processes come first; often they are all that is needed.
 */
export function findOwners(
  procRoot: string,
  scan: ProcessScan,
  listenerInodes: readonly number[],
): Owner[] {
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
  for (const pid of new Set([...scan.daemons().map(({ pid }) => pid), ...scan.pids()])) {
    if (unowned.size === 0) {
      break;
    }
    take(pid);
  }
  return owners;
}

function once<Value>(read: () => Value): () => Value {
  let known: { readonly value: Value } | undefined;
  return () => {
    known ??= { value: read() };
    return known.value;
  };
}
