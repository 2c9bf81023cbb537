import { readFileSync, readlinkSync } from 'node:fs';
import type { Listener } from './listeners.ts';
import { socketInodes } from './processes.ts';
import { readTcpRows, readUnixRows } from './procfs.ts';

/** The sockets that a process holds, as the kernel's tables show them. */
export interface HeldSockets {
  readonly listeners: readonly Listener[];
  readonly connections: readonly HeldConnection[];
  /** Whether every socket that it holds is in a table: what is in none may be anything. */
  readonly areAllKnown: boolean;
}

/** A TCP connection, or one on the side of a unix socket that has a name, as an accepted one has. */
type HeldConnection =
  | { readonly kind: 'tcp'; readonly inode: number; readonly localPort: number }
  | { readonly kind: 'unix'; readonly inode: number; readonly name: string };

const nothing: HeldSockets = { listeners: [], connections: [], areAllKnown: false };

/**
 * Makes the reader of one process's sockets. While it holds the same ones, all of which are known,
 * the tables are not read again.
 */
export function createHeldReader(procRoot: string, pid: number): () => HeldSockets {
  let before: { readonly held: ReadonlySet<number>; readonly sockets: HeldSockets } | undefined;
  return () => {
    const held = heldByDaemon(procRoot, pid);
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

// Its standard streams are of who started it: a socket of a log, which no client is.
const standardStreams = [0, 1, 2];

function heldByDaemon(procRoot: string, pid: number): ReadonlySet<number> | null {
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
  const theirs = `${procRoot}/${pid}/net`;
  const isHeld = ({ inode }: { readonly inode: number }): boolean => held.has(inode);
  // An accepted unix socket is listed in the network namespace of its client.
  const directories = [theirs, `${procRoot}/net`];
  const tcp = readTcpRows(theirs).filter(isHeld);
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

// proc_net(5): which word of a line is the socket's inode.
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

/** Empty where a kernel has no such table: what it would show stays unknown. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
