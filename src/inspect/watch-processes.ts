import type { DaemonState, DaemonWatch } from './daemon-state.ts';
import { everyFewCalls } from './every-few-calls.ts';
import { listensOn } from './procfs/owners.ts';
import { isRunning, listPids, type Process } from './procfs/processes.ts';

/** Follows these processes, the daemon being alive while one of them is. */
export function watchProcesses(procRoot: string, processes: readonly Process[]): DaemonWatch {
  const listens = new Map<number, () => readonly string[]>();
  const addressesOf = (pid: number): readonly string[] => {
    const read = listens.get(pid) ?? everyFewCalls(() => listensOn(procRoot, pid));
    listens.set(pid, read);
    return read();
  };

  return {
    remember() {},
    state(): DaemonState {
      try {
        // A hidden /proc would make every process look dead.
        listPids(procRoot);
        const alive = processes.find((each) => isRunning(procRoot, each));
        return alive === undefined
          ? { kind: 'dead' }
          : { kind: 'alive', pid: alive.pid, listensOn: addressesOf(alive.pid) };
      } catch (error) {
        return {
          kind: 'unknown',
          reason: `processes can't be read (${(error as Error).message})`,
        };
      }
    },
  };
}
