import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

// What the processes do that hold the benchmark's sockets, so that measuring is not disturbed.

export type HolderRole = 'daemon' | 'clients' | 'pairs';

/** How connections are ended: `reset` leaves no socket behind, `close` is what a client does. */
export type Ending = 'reset' | 'close';

export interface HolderCommand {
  /** How many connections there are to be. */
  readonly count: number;
  readonly port: number;
  readonly ending: Ending;
}

/** Carries out a command, and returns what its kind of holder has to tell. */
export type Holder = (command: HolderCommand) => Promise<number>;

// Every address is on the loopback interface, and nothing else is ever spoken to.
const host = '127.0.0.1';
const backlog = 4096;
const connectsAtOnce = 100;

/** @param nowMs a monotonic clock that all processes share. */
export function createHolder(role: HolderRole, nowMs: () => number): Holder {
  return { daemon, clients: () => clients(nowMs), pairs }[role]();
}

/** Listens, and returns its port once as many connections as told are accepted. */
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

/** Has connections to a port, and returns when the last of those to end was ended. */
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

/** Has both ends of its connections. They only become more. */
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
  // One that sends nothing would be taken for a health check.
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
