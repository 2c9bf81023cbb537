import { once } from 'node:events';
import { createServer, type ListenOptions, type Server, type Socket } from 'node:net';
import { inodeOf } from './load.ts';

export type ServerCommand =
  | { readonly do: 'listen'; readonly path: string }
  | { readonly do: 'report' };

export interface Listening {
  readonly port: number;
  /** Another port of the daemon, whose number starts with that of the watched port. */
  readonly otherPort: number;
  readonly hasIpv6: boolean;
}

/** A connection as the daemon recorded it. */
export interface ServerRecord {
  readonly id: number;
  /** The inode of the daemon's unix socket; 0 for TCP. */
  readonly inode: number;
  readonly acceptedMs: number;
  /** When it was closed on this side, too. */
  readonly closedMs: number;
}

const firstPort = 1234;
const portStep = 100;
const lastPort = 6434;

/** The process that acts as the daemon: it accepts, reads, and closes when the client does. */
export function createAccuracyServer(
  nowMs: () => number,
): (command: ServerCommand) => Promise<Listening | readonly ServerRecord[]> {
  const records: ServerRecord[] = [];
  const record =
    (isUnix: boolean) =>
    (socket: Socket): void => {
      const acceptedMs = nowMs();
      const inode = isUnix ? inodeOf(socket) : 0;
      let id = 0;
      socket.once('data', (greeting) => {
        id = greeting.length >= 4 ? greeting.readUInt32LE() : 0;
      });
      socket.resume().on('error', () => {});
      socket.once('close', () => records.push({ id, inode, acceptedMs, closedMs: nowMs() }));
    };
  return async (command) => {
    if (command.do === 'report') {
      return records;
    }
    await listen({ path: command.path }, record(true));
    return await listenOnPorts(record(false));
  };
}

/** Listens on two ports; the number of one starts with that of the other, as 1234 and 12345 do. */
async function listenOnPorts(onConnection: (socket: Socket) => void): Promise<Listening> {
  for (let port = firstPort; port <= lastPort; port += portStep) {
    const otherPort = port * 10 + 5;
    const opened: Server[] = [];
    try {
      opened.push(await listen({ port, host: '127.0.0.1' }, onConnection));
      opened.push(await listen({ port: otherPort, host: '127.0.0.1' }, ignore));
      const hasIpv6 = await listen({ port, host: '::1' }, onConnection).then(
        () => true,
        (error: NodeJS.ErrnoException) => {
          if (error.code === 'EADDRINUSE') {
            throw error;
          }
          return false;
        },
      );
      return { port, otherPort, hasIpv6 };
    } catch {
      for (const server of opened) {
        server.close();
      }
    }
  }
  throw new Error('no port to listen on is free');
}

function ignore(socket: Socket): void {
  socket.resume().on('error', () => {});
}

async function listen(
  options: ListenOptions,
  onConnection: (socket: Socket) => void,
): Promise<Server> {
  const server = createServer(onConnection);
  server.listen({ backlog: 1024, ...options });
  await once(server, 'listening');
  return server;
}
