import { isRunning, listPids, type Process } from '../backends/procfs/processes.ts';
import type { DaemonState, DaemonWatch } from './daemon-state.ts';
import { aliveState, createSocketsReader, type SocketsReader } from './process-sockets.ts';

/** Follows these processes, the daemon being alive while one of them is. */
export function watchProcesses(
  procRoot: string,
  processes: readonly Process[],
  socketsOf: SocketsReader = createSocketsReader(procRoot),
): DaemonWatch {
  return {
    remember() {},
    state(): DaemonState {
      try {
        const [first, ...others] = stillRunning(procRoot, processes);
        return first === undefined
          ? { kind: 'dead', wasThere: true }
          : aliveState(first, others, socketsOf);
      } catch (error) {
        return {
          kind: 'unknown',
          reason: `processes can't be read (${(error as Error).message})`,
        };
      }
    },
    ownersOf: () => processes,
    haveNoOthers: (of, connections) => haveNoOthers(procRoot, of, connections, socketsOf),
  };
}

/** `DaemonWatch.haveNoOthers`. */
export function haveNoOthers(
  procRoot: string,
  processes: readonly Process[],
  connections: readonly number[],
  socketsOf: SocketsReader,
): boolean {
  try {
    const sockets = stillRunning(procRoot, processes).map(({ pid }) => socketsOf(pid));
    return (
      processes.length > 0 &&
      sockets.every(
        (each) =>
          each.areAllKnown && each.connections.every((inode) => connections.includes(inode)),
      )
    );
  } catch {
    return false;
  }
}

/** @throws where a hidden /proc would make every process look dead. */
function stillRunning(procRoot: string, processes: readonly Process[]): Process[] {
  listPids(procRoot);
  return processes.filter((each) => isRunning(procRoot, each));
}
