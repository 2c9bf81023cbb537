import type { AddressInfo, Server, Socket } from 'node:net';
import { addConnection, type CallerConnection, mostConnections } from './connections.ts';
import type { Handlers } from './types.ts';

/** How long answers may take to be sent when a server closes. */
const farewellMs = 1000;

export interface ListenInput extends Pick<Handlers, 'onEvent'> {
  readonly host: string | null;
  readonly port: number;
}

/** Keeps the connections of a server, and closes some if there are too many. */
export function limitConnections(
  server: Server,
  onEvent: Handlers['onEvent'],
): ReadonlyMap<Socket, CallerConnection> {
  const connections = new Map<Socket, CallerConnection>();
  let isFirst = true;
  server.on('connection', (socket: Socket) => {
    const closed = addConnection(socket, connections);
    if (closed !== undefined) {
      const peer = closed.peerAddress;
      onEvent({ kind: 'connection-limit', peer, most: mostConnections, isFirst });
      isFirst = false;
    }
  });
  return connections;
}

/**
 * Listens, and returns the address.
 *
 * @throws the error of listen(2), with its code.
 */
export function listen(server: Server, { host, port, onEvent }: ListenInput): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, ...(host !== null && { host }) }, () => {
      server.off('error', reject);
      server.on('error', (error) => onEvent({ kind: 'internal-error', error }));
      const { address, family, port: bound } = server.address() as AddressInfo;
      resolve(`${family === 'IPv6' ? `[${address}]` : address}:${bound}`);
    });
  });
}

/** Stops listening, and resolves when the answers under way are sent. */
export function closeServer(
  server: Server,
  connections: ReadonlyMap<Socket, CallerConnection>,
): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    for (const { socket, awaitsRequest } of connections.values()) {
      if (awaitsRequest) {
        socket.destroy();
      }
    }
    const cut = (): void => {
      for (const { socket } of connections.values()) {
        socket.destroy();
      }
    };
    setTimeout(cut, farewellMs).unref();
  });
}
