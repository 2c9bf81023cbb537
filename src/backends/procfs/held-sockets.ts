import { readFileSync, readlinkSync } from 'node:fs';
import type { Listener } from './listeners.ts';
import { socketInodes } from './processes.ts';
import { readTcpRows, readUnixRows } from './procfs.ts';

/** The sockets that a process holds, as they are in the kernel's tables. */
export interface HeldSockets {
  readonly listeners: readonly Listener[];
  readonly connections: readonly HeldConnection[];
  /** Whether every socket that it holds is in a table. One that is in none may be anything. */
  readonly areAllKnown: boolean;
}

/** A TCP connection, or a unix connection at the end that has a name, as accepted ones have. */
type HeldConnection =
  | { readonly kind: 'tcp'; readonly inode: number; readonly localPort: number }
  | { readonly kind: 'unix'; readonly inode: number; readonly name: string };

const nothing: HeldSockets = { listeners: [], connections: [], areAllKnown: false };

/**
 * Makes a reader of one process's sockets. While the process holds the same ones, and all of them are
 * known, the tables are not read again.
 */
export function createHeldReader(procRoot: string, pid: number): () => HeldSockets {
  let before: { readonly held: ReadonlySet<number>; readonly sockets: HeldSockets } | undefined;
  return () => {
    const held = heldBy(procRoot, pid);
    if (held === null) {
      return nothing;
    }
    const isSame = before?.held.size === held.size && [...held].every((i) => before?.held.has(i));
    const sockets =
      before?.sockets.areAllKnown && isSame ? before.sockets : readTables(procRoot, pid, held);
    before = { held, sockets };
    return sockets;
  };
}

// The standard streams come from the parent process; one may be the socket of a log, never a client.
const standardStreams = [0, 1, 2];

function heldBy(procRoot: string, pid: number): ReadonlySet<number> | null {
  const held = socketInodes(procRoot, pid);
  const streams = standardStreams.map((descriptor) =>
    socketAt(`${procRoot}/${pid}/fd/${descriptor}`),
  );
  return held && new Set([...held].filter((inode) => !streams.includes(inode)));
}

function socketAt(path: string): number | null {
  try {
    return Number(/^socket:\[(\d+)\]$/.exec(readlinkSync(path))?.[1] ?? Number.NaN);
  } catch {
    return null;
  }
}

function readTables(procRoot: string, pid: number, held: ReadonlySet<number>): HeldSockets {
  const netDirectory = `${procRoot}/${pid}/net`;
  const isHeld = ({ inode }: { readonly inode: number }): boolean => held.has(inode);
  // An accepted unix socket is listed in the network namespace of its client.
  const directories = [netDirectory, `${procRoot}/net`];
  const tcp = readTcpRows(netDirectory).filter(isHeld);
  const unix = new Map(
    directories
      .flatMap(readUnixRows)
      .filter(isHeld)
      .map((row) => [row.inode, row]),
  );
  const known = new Set(directories.flatMap(inodesIn));
  return {
    listeners: [
      ...tcp.flatMap(({ state, ...row }): Listener[] =>
        state === 'listen' ? [{ kind: 'tcp', ...row }] : [],
      ),
      ...[...unix.values()].flatMap(({ state, ...row }): Listener[] =>
        state === 'listen' ? [{ kind: 'unix', ...row }] : [],
      ),
    ],
    connections: [
      ...tcp.flatMap(({ state, inode, localPort }): HeldConnection[] =>
        state === 'established' ? [{ kind: 'tcp', inode, localPort }] : [],
      ),
      ...[...unix.values()].flatMap(({ state, inode, name }): HeldConnection[] =>
        state === 'accepted' ? [{ kind: 'unix', inode, name }] : [],
      ),
    ],
    areAllKnown: [...held].every((inode) => known.has(inode)),
  };
}

// proc_net(5): the index of the word that is the socket's inode.
const inodeColumns = {
  ...{ tcp: 9, tcp6: 9, udp: 9, udp6: 9, raw: 9, raw6: 9 },
  ...{ unix: 6, netlink: 9, packet: 8 },
} as const;

function inodesIn(netDirectory: string): number[] {
  return Object.entries(inodeColumns).flatMap(([table, column]) => {
    const lines = textOf(`${netDirectory}/${table}`).split('\n').slice(1);
    return lines.map((line) => Number(line.trim().split(/\s+/, column + 1)[column]));
  });
}

/** Empty if the kernel has no such table: the sockets in it stay unknown. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
