import { peerText } from '../addresses.ts';
import { readTcpRows, readUnixRows } from './procfs.ts';

/** A listening socket of a network namespace. */
export type Listener = TcpListener | UnixListener;

export interface TcpListener {
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
 * All listeners of a network namespace: `/proc/<pid>/net` is the directory of a process's.
 *
 * @throws BackendError when a table can't be read in full.
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

/** Those of unix sockets alone. @throws BackendError when the table can't be read in full. */
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
