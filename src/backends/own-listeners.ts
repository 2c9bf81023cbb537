import { loadAddon } from './native.ts';
import {
  type Listener,
  readListeners,
  type TcpListener,
  unixListeners,
} from './procfs/listeners.ts';

/**
 * All listeners of this process's network namespace. Those of TCP are asked for over netlink: the
 * kernel's text has them after all connections of the host, and takes milliseconds.
 *
 * @throws BackendError when a table can't be read in full.
 */
export function readOwnListeners(procRoot: string): Listener[] {
  const netDirectory = `${procRoot}/net`;
  const tcp = askForTcp();
  // None may be that the kernel does not answer here.
  return tcp.length > 0 ? [...tcp, ...unixListeners(netDirectory)] : readListeners(netDirectory);
}

function askForTcp(): TcpListener[] {
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
