import type { Process } from '../backends/procfs/processes.ts';
import type { Owner } from '../backends/procfs/scan.ts';

/** The processes that were found to hold listeners, by the listener's inode. */
export interface Holders {
  readonly note: (listenerInodes: readonly number[], found: readonly Owner[]) => void;
  readonly of: (listenerInodes: readonly number[]) => readonly Process[];
}

// Listeners may come and go all the time.
const mostListeners = 100;

export function createHolders(): Holders {
  // The latest listener is the last.
  let holders = new Map<number, readonly Process[]>();
  return {
    note(listenerInodes, found) {
      for (const inode of listenerInodes) {
        const all = found.filter(({ listeners }) => listeners.includes(inode));
        holders.set(
          inode,
          all.map(({ process }) => process),
        );
      }
      holders = new Map([...holders].slice(-mostListeners));
    },
    of(listenerInodes) {
      const found = listenerInodes.flatMap((inode) => holders.get(inode) ?? []);
      return [...new Map(found.map((process) => [process.pid, process])).values()];
    },
  };
}
