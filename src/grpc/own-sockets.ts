import { readdirSync, readlinkSync } from 'node:fs';
import type { Socket } from 'node:net';
import { peerText, plainAddress } from '../backends/addresses.ts';
import type { Endpoint } from '../backends/types.ts';

// Without a regular close, the other end may stay in the kernel's table for a moment longer.
const settleMs = 100;

/** This process's own connections to the daemon, so that none of them counts as a client. */
export interface OwnSockets {
  /** Opens a socket by `open`, which must start connecting before it returns. */
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
      // Once connected it is in the daemon's table, and after its end the port can no longer be read.
      socket.once('connect', () => nameOf(socket, names.get(socket) ?? null));
      let hasEnded = false;
      socket.once('end', () => {
        hasEnded = true;
      });
      socket.once('close', () => {
        if (hasEnded) {
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
 * A unix client is identified by its socket's inode, which Node.js does not expose. But Node.js creates that socket
 * synchronously, so it is the one that this process did not have before. If another thread opened one at the same time, neither
 * is named: ours then counts as a client, and no client is mistaken for ours.
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
    // Without /proc there is no name.
  }
  return texts;
}

// The descriptor that read the directory is closed again.
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
