import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { type HelperOptions, type HelperProcess, startHelper } from '../runner/helper-process.ts';
import { openFilesLimit } from '../runner/proc.ts';

/** The processes that hold the sockets: a daemon, its clients, and the unrelated pairs. */
export interface Sockets {
  /** Where the daemon listens. */
  readonly port: number;
  /** @param count never less than before. @throws if there cannot be this many. */
  readonly setPairs: (count: number) => Promise<void>;
  /** Returns the time at which the last surplus client was closed. @throws as above. */
  readonly setClients: (count: number, ending?: Ending) => Promise<number>;
  readonly close: () => Promise<void>;
}

type HolderProcess = HelperProcess<HolderCommand, number>;

// In addition to its sockets, a process of Node.js has some twenty files open.
const otherFiles = 64;
// One listening port allows some 28,000 connections from one address.
const mostPairsEach = 10_000;
const mostPairHolders = 16;

export async function openSockets(options: HelperOptions): Promise<Sockets> {
  const filesLimit = openFilesLimit() - otherFiles;
  const pairsEach = Math.min(mostPairsEach, Math.floor(filesLimit / 2));
  // The netstat pipeline searches for this name.
  const daemon = start('daemon', options, 'buildkitd');
  const clients = start('clients', options);
  const pairHolders: HolderProcess[] = [];
  const command = { count: 0, port: 0, ending: 'reset' } as const;
  const close = async (): Promise<void> => {
    await Promise.all([daemon, clients, ...pairHolders].map((each) => each.close()));
  };
  const port = await daemon.call(command).catch(async (error) => {
    await close();
    throw error;
  });

  return {
    port,
    async setPairs(count) {
      const holders = Math.ceil(count / pairsEach);
      if (holders > mostPairHolders) {
        const most = mostPairHolders * pairsEach;
        throw new Error(`at most ${most} pairs, with ${filesLimit} open files per process`);
      }
      for (let index = 0; index < holders; index += 1) {
        const holder = pairHolders[index] ?? start('pairs', options);
        pairHolders[index] = holder;
        await holder.call({ ...command, count: Math.min(pairsEach, count - index * pairsEach) });
      }
    },
    async setClients(count, ending = 'reset') {
      if (count > filesLimit) {
        throw new Error(`at most ${filesLimit} clients: the limit of open files`);
      }
      const endedAtMs = await clients.call({ count, port, ending });
      await daemon.call({ ...command, count });
      return endedAtMs;
    },
    close,
  };
}

function start(role: HolderRole, options: HelperOptions, name?: string): HolderProcess {
  return startHelper(role, options, name);
}

// The processes that hold the sockets, so that the measuring process is not disturbed.

export type HolderRole = 'daemon' | 'clients' | 'pairs';

/** How connections end: `reset` leaves no socket behind, `close` is what a client does. */
type Ending = 'reset' | 'close';

interface HolderCommand {
  /** The number of connections to have. */
  readonly count: number;
  readonly port: number;
  readonly ending: Ending;
}

/** Carries out a command. What it returns depends on the role. */
export type Holder = (command: HolderCommand) => Promise<number>;

// All sockets are on the loopback interface.
const host = '127.0.0.1';
const backlog = 4096;
const connectsAtOnce = 100;

/** @param nowMs a monotonic clock that all processes share. */
export function createHolder(role: HolderRole, nowMs: () => number): Holder {
  return { daemon, clients: () => clients(nowMs), pairs }[role]();
}

/** Listens, and returns its port once it has accepted the given number of connections. */
function daemon(): Holder {
  const listening = listen();
  return async ({ count }) => {
    const { server, accepted } = await listening;
    while (accepted.size !== count) {
      await once(server, 'change');
    }
    return portOf(server);
  };
}

/** Keeps connections to a port, and returns the time at which it closed the last surplus one. */
function clients(nowMs: () => number): Holder {
  const sockets: Socket[] = [];
  return async ({ count, port, ending }) => {
    await connectUpTo(sockets, count, port);
    for (const socket of sockets.splice(count)) {
      end(socket, ending);
    }
    return nowMs();
  };
}

/** Keeps both ends of its connections. Their number only grows. */
function pairs(): Holder {
  const listening = listen();
  const sockets: Socket[] = [];
  return async ({ count }) => {
    const { server, accepted } = await listening;
    await connectUpTo(sockets, count, portOf(server));
    while (accepted.size < count) {
      await once(server, 'change');
    }
    return count;
  };
}

async function listen(): Promise<{ server: Server; accepted: Set<Socket> }> {
  const accepted = new Set<Socket>();
  const server = createServer((socket) => {
    accepted.add(socket);
    server.emit('change');
    socket.resume();
    socket.on('error', () => {});
    socket.once('close', () => {
      accepted.delete(socket);
      server.emit('change');
    });
  });
  server.listen({ port: 0, host, backlog });
  await once(server, 'listening');
  return { server, accepted };
}

async function connectUpTo(sockets: Socket[], count: number, port: number): Promise<void> {
  while (sockets.length < count) {
    const wave = Math.min(connectsAtOnce, count - sockets.length);
    sockets.push(...(await Promise.all(Array.from({ length: wave }, () => connected(port)))));
  }
}

async function connected(port: number): Promise<Socket> {
  const socket = connect(port, host);
  await once(socket, 'connect');
  socket.on('error', () => {});
  // A connection that sends nothing would count as a health check.
  socket.write('PRI');
  return socket;
}

function end(socket: Socket, ending: Ending): void {
  if (ending === 'reset') {
    socket.resetAndDestroy();
  } else {
    socket.destroy();
  }
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}
