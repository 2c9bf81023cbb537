import { findProcess, type Process } from './processes.ts';
import type { ProcessScan } from './scan.ts';

/** A process, and those of the listeners that it holds. */
export interface Owner {
  readonly process: Process;
  readonly listeners: readonly number[];
}

/**
 * The processes that hold these listeners. On a busy host there are tens of thousands of descriptors
 * to read, so the likely ones come first, and often are all.
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
