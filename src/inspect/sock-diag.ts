import { socketText } from './addresses.ts';
import { fromNative, loadAddon, type NativeSockDiag, type NativeUnixSockets } from './native.ts';
import { tcpSight, unixConnection } from './sight.ts';
import { socketNames } from './socket-names.ts';
import { InspectError, type Inspector, type Sight, type UnixEndpoint } from './types.ts';

/** The inspector that asks the kernel over netlink (sock_diag(7)). It sees its own namespace. */
export function createSockDiagInspector(): Inspector {
  let opened: NativeSockDiag | InspectError | undefined;

  // A binary that could not be loaded stays so: it is tried once, not at every poll.
  const sockDiag = (): NativeSockDiag => {
    opened ??= open();
    if (opened instanceof InspectError) {
      throw opened;
    }
    return opened;
  };

  return {
    name: 'sock-diag',
    look(endpoint) {
      const kernel = sockDiag();
      return endpoint.kind === 'tcp'
        ? tcpSight(
            endpoint,
            ask(() => kernel.tcp(endpoint.localPort)),
          )
        : unixSight(
            endpoint,
            ask(() => unixSockets(kernel, endpoint.path)),
          );
    },
    close() {
      if (opened !== undefined && !(opened instanceof InspectError)) {
        opened.close();
      }
    },
  };
}

function open(): NativeSockDiag | InspectError {
  try {
    return new (loadAddon().SockDiag)();
  } catch (error) {
    return error instanceof InspectError ? error : fromNative(error);
  }
}

function ask<Answer>(question: () => Answer): Answer {
  try {
    return question();
  } catch (error) {
    throw fromNative(error);
  }
}

function unixSockets(kernel: NativeSockDiag, path: string): NativeUnixSockets {
  const answers = socketNames(path).map((name) => kernel.unix(nameBytes(name)));
  return {
    listeners: answers.flatMap(({ listeners }) => listeners),
    accepted: answers.flatMap(({ accepted }) => accepted),
  };
}

function unixSight(endpoint: UnixEndpoint, { listeners, accepted }: NativeUnixSockets): Sight {
  const peer = (inode: number): string | null => (inode === 0 ? null : socketText(inode));
  return {
    listenerInodes: listeners.map(({ inode }) => inode),
    connections: [
      ...accepted.map(({ inode, peerInode }) => unixConnection(endpoint, inode, peer(peerInode))),
      ...listeners.flatMap(({ queuedPeerInodes }) =>
        queuedPeerInodes.map((inode) => unixConnection(endpoint, 0, peer(inode))),
      ),
    ],
  };
}

/** unix(7): an abstract name begins with a zero byte, for which people write `@`. */
function nameBytes(name: string): Uint8Array {
  return Buffer.from(name.startsWith('@') ? `\0${name.slice(1)}` : name);
}
