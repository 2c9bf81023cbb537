import { statSync } from 'node:fs';
import { type Listener, readListeners } from '../backends/procfs/listeners.ts';
import { findProcess, isTransient, type Process } from '../backends/procfs/processes.ts';
import { type ProcessScan, scanProcesses } from '../backends/procfs/scan.ts';
import type { Endpoint } from '../backends/types.ts';
import { readDaemonSettings } from './daemon-settings.ts';
import { configuredEndpoints, endpointKey, endpointOf, matchListeners } from './endpoints.ts';
import type { FindingNotice, FoundDaemon, OtherNetns } from './types.ts';

export interface DiscoverOptions {
  /** The daemon's process; by default all processes called buildkitd. */
  readonly pid?: number | undefined;
  /** A scan that was made just now for another purpose. */
  readonly scan?: ProcessScan | undefined;
  /**
   * Endpoints that may belong to a daemon whose descriptors can't be read: those of them that have a
   * listener do.
   */
  readonly known?: readonly Endpoint[];
  /** Reads the listeners of our own network namespace faster than from its tables. */
  readonly ownListeners?: (() => readonly Listener[]) | undefined;
}

/**
 * Discovers the daemons that run, and what they listen on: the sockets that they hold, looked up in the
 * tables of their network namespace (proc_pid_fd(5), proc_pid_net(5)).
 *
 * @param procRoot - where the kernel's process directory is mounted, usually `/proc`.
 * @returns a daemon for each process; none where none is visible, which does not mean that none runs.
 * @throws file system errors where processes can't be read, and transient ones (`isTransient`) wherever
 * they occur: what is discovered without them may be a part.
 */
export function discoverEndpoints(
  procRoot: string,
  { pid, scan = scanProcesses(procRoot), known = [], ownListeners }: DiscoverOptions = {},
): FoundDaemon[] {
  const processes = pid === undefined ? scan.daemons() : listOf(findProcess(procRoot, pid));
  const tables = new Map<string, readonly Listener[]>();
  const read = (namespace: OtherNetns): readonly Listener[] =>
    ownListeners !== undefined && unlessOurs(procRoot, namespace) === null
      ? ownListeners()
      : readListeners(namespace.netDirectory);
  const listenersAt = (namespace: OtherNetns): readonly Listener[] => {
    const { id } = namespace;
    const listeners = tables.get(id) ?? read(namespace);
    tables.set(id, listeners);
    return listeners;
  };
  const daemons = processes.map((process) =>
    readDaemon(procRoot, process, { scan, known, listenersAt }),
  );
  const pids = daemons.map(({ process }) => process.pid);
  // A child that has not called exec yet has its parent's name, and not its sockets.
  return daemons.filter(
    ({ isListening, process }) => isListening || !pids.includes(process.parentPid),
  );
}

interface Reading {
  readonly scan: ProcessScan;
  readonly known: readonly Endpoint[];
  readonly listenersAt: (namespace: OtherNetns) => readonly Listener[];
}

function readDaemon(procRoot: string, process: Process, reading: Reading): FoundDaemon {
  const { pid } = process;
  const { settings, notices } = readDaemonSettings(procRoot, pid);
  const configured = configuredEndpoints(settings);
  try {
    const namespace = namespaceOf(`${procRoot}/${pid}/net`);
    const listeners = reading.listenersAt(namespace);
    const held = reading.scan.sockets(pid);
    const possible = [...configured, ...reading.known].map(endpointKey);
    const isIts = (listener: Listener): boolean =>
      held === null
        ? possible.includes(endpointKey(endpointOf(listener)))
        : held.has(listener.inode);
    const { endpoints, unheard, unnameable } = matchListeners(listeners.filter(isIts), settings);
    const isListening = endpoints.length > 0;
    return {
      process,
      otherNetns: unlessOurs(procRoot, namespace),
      endpoints: isListening ? endpoints : configured,
      isListening,
      unheard: isListening ? unheard : [],
      notices: [
        ...notices,
        ...(held === null ? [{ kind: 'descriptors-unreadable', pid } as const] : []),
        ...addressNotice('address-not-listening', pid, isListening ? unheard.map(addressOf) : []),
        ...addressNotice('address-unnameable', pid, unnameable),
      ],
    };
  } catch (error) {
    if (isTransient(error)) {
      throw error;
    }
    const notice = { kind: 'tables-unreadable', pid, reason: (error as Error).message } as const;
    return {
      process,
      otherNetns: null,
      endpoints: configured,
      isListening: false,
      unheard: [],
      notices: [...notices, notice],
    };
  }
}

function addressOf({ address }: Endpoint): string {
  return address;
}

function listOf<Value>(value: Value | null): Value[] {
  return value === null ? [] : [value];
}

function addressNotice(
  kind: 'address-not-listening' | 'address-unnameable',
  pid: number,
  addresses: readonly string[],
): FindingNotice[] {
  return addresses.length > 0 ? [{ kind, pid, addresses }] : [];
}

/**
 * A table's file has another inode in each network namespace, which distinguishes them even where
 * /proc/<pid>/ns can't be read.
 */
function namespaceOf(netDirectory: string): OtherNetns {
  return { netDirectory, id: String(statSync(`${netDirectory}/tcp`).ino) };
}

function unlessOurs(procRoot: string, namespace: OtherNetns): OtherNetns | null {
  return namespace.id === namespaceOf(`${procRoot}/net`).id ? null : namespace;
}

/**
 * A process's network namespace; null if that is ours, or can't be determined. After a transient error it
 * counts as another one: the process's own tables are right for it even if it is ours.
 */
export function otherNetnsOf(procRoot: string, pid: number): OtherNetns | null {
  const netDirectory = `${procRoot}/${pid}/net`;
  try {
    return unlessOurs(procRoot, namespaceOf(netDirectory));
  } catch (error) {
    return isTransient(error) ? { netDirectory, id: '' } : null;
  }
}
