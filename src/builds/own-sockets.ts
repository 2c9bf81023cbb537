import { readdirSync, readlinkSync } from 'node:fs';
import type { Socket } from 'node:net';
import { peerText, plainAddress } from '../backends/addresses.ts';
import type { Endpoint } from '../backends/types.ts';

// When the other end has not said goodbye, it may be in the kernel's table for a moment longer.
const settleMs = 100;

/** The connections of this process to the daemon, so that none is taken for a client's. */
export interface OwnSockets {
  /** Opens a socket by `open`, which must begin to connect before it returns. */
  add(kind: Endpoint['kind'], open: () => Socket): Socket;
  /** As the backends name them: `Connection.peer`. */
  peers(): readonly string[];
  isEmpty(): boolean;
  destroyAll(): void;
}

export function createOwnSockets(): OwnSockets {
  const names = new Map<Socket, string | null>();

  const forget = (socket: Socket): void => {
    names.delete(socket);
  };

  const nameOf = (socket: Socket, known: string | null): string | null => {
    const name = known ?? tcpName(socket);
    names.set(socket, name);
    return name;
  };

  return {
    add(kind, open) {
      const before = kind === 'unix' ? socketTexts() : null;
      const socket = open();
      names.set(socket, before === null ? null : unixName(before));
      // From the first word on it is in the daemon's table, and after its end no port can be read.
      socket.once('connect', () => nameOf(socket, names.get(socket) ?? null));
      let isFarewell = false;
      socket.once('end', () => {
        isFarewell = true;
      });
      socket.once('close', () => {
        if (isFarewell) {
          forget(socket);
        } else {
          setTimeout(forget, settleMs, socket).unref();
        }
      });
      return socket;
    },
    peers: () => [...names].map(([socket, known]) => nameOf(socket, known)).filter(isText),
    isEmpty: () => names.size === 0,
    destroyAll() {
      for (const socket of names.keys()) {
        socket.destroy();
      }
    },
  };
}

function tcpName({ localAddress, localPort }: Socket): string | null {
  return localAddress === undefined || localPort === undefined
    ? null
    : peerText(plainAddress(localAddress), localPort);
}

/**
 * A unix client is named by the inode of its socket, for which Node.js has no word. But it makes that
 * socket at once, and so it is the one that this process did not have before. Should another thread
 * have opened one in between, neither is named: ours is then taken for a client, and no client for
 * ours.
 */
function unixName(before: ReadonlySet<string>): string | null {
  const made = [...socketTexts()].filter((text) => !before.has(text));
  return made.length === 1 ? (made[0] ?? null) : null;
}

function socketTexts(): ReadonlySet<string> {
  const directory = '/proc/self/fd';
  const texts = new Set<string>();
  try {
    for (const descriptor of readdirSync(directory)) {
      const text = linkOf(`${directory}/${descriptor}`);
      if (text.startsWith('socket:')) {
        texts.add(text);
      }
    }
  } catch {
    // No /proc, and so no name.
  }
  return texts;
}

// The descriptor by which the directory was read is closed again.
function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function isText(name: string | null): name is string {
  return name !== null;
}
