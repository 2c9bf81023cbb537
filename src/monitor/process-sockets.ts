import { memoizeCalls } from '../backends/memoize.ts';
import { createHeldReader, type HeldSockets } from '../backends/procfs/held-sockets.ts';
import { listenerText } from '../backends/procfs/listeners.ts';
import type { Process } from '../backends/procfs/processes.ts';
import type { DaemonState, ProcessSockets } from './daemon-state.ts';

/** Leaves of a process's listeners and connections those that are for clients. */
export type ForClients = (pid: number, held: HeldSockets) => HeldSockets;

/** Reads the sockets of processes. */
export type SocketsReader = (pid: number) => ProcessSockets;

const unknownSockets: ProcessSockets = { listensOn: [], connections: [], areAllKnown: false };

/** @param forClients without it, all listeners and connections are for clients. */
export function createSocketsReader(
  procRoot: string,
  forClients: ForClients = (_, held) => held,
): SocketsReader {
  const readers = new Map<number, () => ProcessSockets>();

  const readerOf = (pid: number): (() => ProcessSockets) => {
    const readHeld = createHeldReader(procRoot, pid);
    const read = (): ProcessSockets => {
      try {
        const { listeners, connections, areAllKnown } = forClients(pid, readHeld());
        const inodes = connections.map(({ inode }) => inode);
        return { listensOn: listeners.map(listenerText), connections: inodes, areAllKnown };
      } catch {
        return unknownSockets;
      }
    };
    // What is concluded from is read each time; what is only told need not be.
    return memoizeCalls(read, ({ areAllKnown }) => !areAllKnown);
  };

  return (pid) => {
    const read = readers.get(pid) ?? readerOf(pid);
    readers.set(pid, read);
    return read();
  };
}

/** The state of a daemon of which at least one process lives. */
export function aliveState(
  first: Process,
  others: readonly Process[],
  socketsOf: SocketsReader,
): DaemonState {
  const sockets = [first, ...others].map(({ pid }) => socketsOf(pid));
  return {
    kind: 'alive',
    pid: first.pid,
    listensOn: sockets.flatMap(({ listensOn }) => listensOn),
    connections: sockets.flatMap(({ connections }) => connections),
    areAllKnown: sockets.every(({ areAllKnown }) => areAllKnown),
  };
}
