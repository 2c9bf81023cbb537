import { createHeldReader, type HeldSockets } from '../backends/procfs/held-sockets.ts';
import { listenerText } from '../backends/procfs/listeners.ts';
import { isRunning, listPids, type Process } from '../backends/procfs/processes.ts';

/** The sockets of a daemon's process that have to do with its clients. */
export interface ProcessSockets {
  /** The addresses on which it accepts clients. */
  readonly listensOn: readonly string[];
  /** Inodes of its clients' connections. */
  readonly connections: readonly number[];
  /** Whether the kernel's tables show every socket that it holds, so that none is missing here. */
  readonly areAllKnown: boolean;
}

/** What is known about the daemon when nothing listens any more; its sockets if it is alive. */
export type DaemonState =
  | ({ readonly kind: 'alive'; readonly pid: number } & ProcessSockets)
  | {
      readonly kind: 'dead';
      /** Whether a daemon's process or listener has ever been seen. */
      readonly wasThere: boolean;
    }
  | { readonly kind: 'unknown'; readonly reason: string };

/** Follows the daemon's process, to distinguish a lost listener from a dead daemon. */
export interface DaemonWatch {
  /** Notes which processes hold these listeners, while that can still be found out. */
  remember(listenerInodes: readonly number[]): void;
  state(): DaemonState;
  /** The processes that hold these listeners, or did when they were last seen; none if unknown. */
  ownersOf(listenerInodes: readonly number[]): readonly Process[];
  /**
   * Whether these processes are known to have no other connections than these: each process is dead,
   * or all of its sockets are known. False for an empty list of processes.
   */
  haveNoOthers(processes: readonly Process[], connections: readonly number[]): boolean;
}

/** Keeps those listeners and connections of a process that are for clients. */
type ForClients = (pid: number, held: HeldSockets) => HeldSockets;

/** Reads the sockets of processes. */
export type SocketsReader = (pid: number) => ProcessSockets;

const unknownSockets: ProcessSockets = { listensOn: [], connections: [], areAllKnown: false };

/** @param forClients by default, all listeners and connections are for clients. */
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
    // A count may be based on complete answers, so they are read each time. Others are only reported.
    return memoizeCalls(read, ({ areAllKnown }) => !areAllKnown);
  };

  return (pid) => {
    const read = readers.get(pid) ?? readerOf(pid);
    readers.set(pid, read);
    return read();
  };
}

/** The state of a daemon with at least one running process. */
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

/** Follows these processes. The daemon is alive while one of them is. */
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

/** As in `DaemonWatch`. */
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

/** @throws if /proc is hidden, which would make every process look dead. */
function stillRunning(procRoot: string, processes: readonly Process[]): Process[] {
  listPids(procRoot);
  return processes.filter((each) => isRunning(procRoot, each));
}

// Reading all of /proc takes milliseconds on a big host: too much for every poll.
const callsPerComputation = 10;

/** Computes at the first call and then at every tenth, and whenever the last value was not to be kept. */
export function memoizeCalls<Value>(
  compute: () => Value,
  isKept: (value: Value) => boolean = () => true,
): () => Value {
  let calls = 0;
  let kept: { value: Value } | undefined;
  return () => {
    const value = kept === undefined || calls % callsPerComputation === 0 ? compute() : kept.value;
    calls += 1;
    kept = isKept(value) ? { value } : undefined;
    return value;
  };
}
