import { basename } from 'node:path';
import {
  findProcess,
  listPids,
  nameOf,
  type Process,
  programOf,
  socketInodes,
  startedAs,
} from './processes.ts';

/**
 * What a /proc shows of processes. Each thing is read once, when it is first asked for, so that all
 * who need it at about the same time share one reading. The methods throw what the file system
 * throws.
 */
export interface ProcessScan {
  readonly pids: () => readonly number[];
  /** The living processes that are called buildkitd. */
  readonly daemons: () => readonly Process[];
  /** Inodes of the sockets that a process holds; null where its descriptors are not ours to read. */
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
 * There may be thousands of processes, and the name of each is the least that one can read. Only
 * where none has the daemon's name is it looked for by how it was started and by its program: it
 * may have been started by a link of another name, or as /proc/self/exe.
 */
function findDaemons(procRoot: string, pids: readonly number[]): Process[] {
  const living = (isDaemon: (pid: number) => boolean): Process[] =>
    pids.filter(isDaemon).flatMap((pid) => findProcess(procRoot, pid) ?? []);
  const named = living((pid) => nameOf(procRoot, pid) === daemonName);
  return named.length > 0
    ? named
    : living(
        (pid) =>
          basename(startedAs(procRoot, pid)) === daemonName ||
          basename(programOf(procRoot, pid)) === daemonName,
      );
}

function once<Value>(read: () => Value): () => Value {
  let known: { readonly value: Value } | undefined;
  return () => {
    known ??= { value: read() };
    return known.value;
  };
}
