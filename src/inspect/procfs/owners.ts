import { listenerText, readListeners } from './listeners.ts';
import { findProcess, type Process, socketInodes } from './processes.ts';
import type { ProcessScan } from './scan.ts';

/**
 * The processes that hold these listeners. On a busy host there are tens of thousands of descriptors
 * to read, so the likely ones come first, and often are all.
 */
export function findOwners(
  procRoot: string,
  scan: ProcessScan,
  listenerInodes: readonly number[],
): Process[] {
  const unowned = new Set(listenerInodes);
  const owners: Process[] = [];
  const take = (pid: number): void => {
    const held = scan.sockets(pid);
    const listeners = listenerInodes.filter((inode) => held?.has(inode));
    const owner = listeners.length > 0 ? findProcess(procRoot, pid) : null;
    if (owner !== null) {
      owners.push(owner);
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

/** The addresses that a process listens on, in its own network namespace, as far as one can see. */
export function listensOn(procRoot: string, pid: number): string[] {
  try {
    const held = socketInodes(procRoot, pid);
    return readListeners(`${procRoot}/${pid}/net`)
      .filter(({ inode }) => held?.has(inode))
      .map(listenerText);
  } catch {
    return [];
  }
}
