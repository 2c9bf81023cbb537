import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

// The processes that hold the sockets, so that the measuring process is not disturbed.

export type HolderRole = 'daemon' | 'clients' | 'pairs';

/** How connections end: `reset` leaves no socket behind, `close` is what a client does. */
export type Ending = 'reset' | 'close';

export interface HolderCommand {
  /** The number of connections to have. */
  readonly count: number;
  /** Where the daemon listens. The first command to a daemon may leave the port to the kernel, with 0. */
  readonly at: Where;
  readonly ending: Ending;
  /** Whether the connections of clients carry what those of builds do. */
  readonly hasTraffic: boolean;
}

/** On the loopback interface, or a unix socket. */
type Where = { readonly host: string; readonly port: number } | { readonly path: string };

/** Carries out a command. What it returns depends on the role. */
export type Holder = (command: HolderCommand) => Promise<number>;

const backlog = 4096;
const connectsAtOnce = 100;

// A build's connection has a beat, the health check of its session, however silent the build is.
const beatMs = 5000;
const request = Buffer.alloc(215, 'q');
const answer = Buffer.alloc(196, 'a');
const tickMs = 10;

/** @param nowMs a monotonic clock that all processes share. */
export function createHolder(role: HolderRole, nowMs: () => number): Holder {
  return { daemon, clients: () => clients(nowMs), pairs }[role]();
}

/** Listens, and returns its port once it has accepted the given number of connections. */
function daemon(): Holder {
  let listening: Promise<Listening> | null = null;
  return async ({ count, at }) => {
    listening ??= listen(at);
    const { server, accepted } = await listening;
    await untilAccepted({ server, accepted }, count);
    return portOf(server);
  };
}

/** Keeps connections to a daemon, and returns the time at which it closed the last surplus one. */
function clients(nowMs: () => number): Holder {
  const sockets: Socket[] = [];
  let traffic: NodeJS.Timeout | undefined;
  return async ({ count, at, ending, hasTraffic }) => {
    clearInterval(traffic);
    await connectUpTo(sockets, count, at);
    endBeyond(sockets, count, ending);
    const endedMs = nowMs();
    if (hasTraffic) {
      traffic = startTraffic(sockets, nowMs);
    }
    return endedMs;
  };
}

/** Each connection has its turn once in a beat: none of them at the same time as all others. */
export function startTraffic(sockets: readonly Socket[], nowMs: () => number): NodeJS.Timeout {
  const fromMs = nowMs();
  let sent = 0;
  return setInterval(() => {
    const due = ((nowMs() - fromMs) / beatMs) * sockets.length;
    for (; sent < due; sent += 1) {
      sockets[sent % sockets.length]?.write(request);
    }
  }, tickMs);
}

/** Keeps both ends of its connections. */
function pairs(): Holder {
  let listening: Promise<Listening> | null = null;
  const sockets: Socket[] = [];
  return async ({ count, at, ending }) => {
    listening ??= listen(at);
    const both = await listening;
    await connectUpTo(sockets, count, { ...at, port: portOf(both.server) });
    endBeyond(sockets, count, ending);
    await untilAccepted(both, count);
    return count;
  };
}

interface Listening {
  readonly server: Server;
  readonly accepted: ReadonlySet<Socket>;
}

async function listen(at: Where): Promise<Listening> {
  const accepted = new Set<Socket>();
  const server = createServer((socket) => {
    accepted.add(socket);
    server.emit('change');
    answerRequests(socket);
    socket.on('error', () => {});
    socket.once('close', () => {
      accepted.delete(socket);
      server.emit('change');
    });
  });
  server.listen({ ...at, backlog });
  await once(server, 'listening');
  return { server, accepted };
}

export function answerRequests(socket: Socket): void {
  socket.on('data', ({ length }) => {
    if (length >= request.length) {
      socket.write(answer);
    }
  });
}

async function untilAccepted({ server, accepted }: Listening, count: number): Promise<void> {
  while (accepted.size !== count) {
    await once(server, 'change');
  }
}

async function connectUpTo(sockets: Socket[], count: number, at: Where): Promise<void> {
  while (sockets.length < count) {
    const wave = Math.min(connectsAtOnce, count - sockets.length);
    sockets.push(...(await Promise.all(Array.from({ length: wave }, () => connected(at)))));
  }
}

async function connected(at: Where): Promise<Socket> {
  const socket = connect(at);
  await once(socket, 'connect');
  socket.on('error', () => {});
  socket.resume();
  // A connection that sends nothing would count as a health check.
  socket.write('PRI');
  return socket;
}

function endBeyond(sockets: Socket[], count: number, ending: Ending): void {
  for (const socket of sockets.splice(count)) {
    if (ending === 'reset') {
      socket.resetAndDestroy();
    } else {
      socket.destroy();
    }
  }
}

/** 0 for a unix socket. */
function portOf(server: Server): number {
  const address = server.address() as AddressInfo | string;
  return typeof address === 'string' ? 0 : address.port;
}
