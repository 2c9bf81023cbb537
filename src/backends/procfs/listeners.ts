import { peerText } from '../addresses.ts';
import { loadAddon } from '../native.ts';
import { readTcpRows, readUnixRows } from './procfs.ts';

/** A listening socket of a network namespace. */
export type Listener = TcpListener | UnixListener;

interface TcpListener {
  readonly kind: 'tcp';
  readonly inode: number;
  readonly localAddress: string;
  readonly localPort: number;
}

interface UnixListener {
  readonly kind: 'unix';
  readonly inode: number;
  /** One character per byte; an abstract name begins with `@`. */
  readonly name: string;
}

/**
 * All listeners of a network namespace; `/proc/<pid>/net` is the directory for that of a process.
 *
 * @throws BackendError if a table can't be read in full.
 */
export function readListeners(netDirectory: string): Listener[] {
  const tcp = readTcpRows(netDirectory, { state: 'listen' });
  return [
    ...tcp.map(({ inode, localAddress, localPort }) => {
      return { kind: 'tcp', inode, localAddress, localPort } as const;
    }),
    ...unixListeners(netDirectory),
  ];
}

/**
 * All listeners of this process's network namespace. Those of TCP come from a netlink dump: the
 * kernel's text lists all connections of the host with them, which takes milliseconds.
 *
 * @throws BackendError if a table can't be read in full.
 */
export function readOwnListeners(procRoot: string): Listener[] {
  const netDirectory = `${procRoot}/net`;
  const tcp = dumpTcpListeners();
  // An empty list may also mean that sock_diag is not available here.
  return tcp.length > 0 ? [...tcp, ...unixListeners(netDirectory)] : readListeners(netDirectory);
}

function dumpTcpListeners(): TcpListener[] {
  try {
    const kernel = new (loadAddon().SockDiag)();
    try {
      return kernel.tcpListeners().map(({ inode, localAddress, localPort }) => {
        return { kind: 'tcp', inode, localAddress, localPort };
      });
    } finally {
      kernel.close();
    }
  } catch {
    return [];
  }
}

/** The unix listeners alone. @throws BackendError if the table can't be read in full. */
export function unixListeners(netDirectory: string): UnixListener[] {
  return readUnixRows(netDirectory)
    .filter(({ state }) => state === 'listen')
    .map(({ inode, name }) => ({ kind: 'unix', inode, name }));
}

/** As buildkitd writes such an address. */
export function listenerText(listener: Listener): string {
  return listener.kind === 'tcp'
    ? `tcp://${peerText(listener.localAddress, listener.localPort)}`
    : `unix://${Buffer.from(listener.name, 'latin1')}`;
}
