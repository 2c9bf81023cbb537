import type { Socket } from 'node:net';
import { passOneRequest } from './request-validation.ts';

/** Below the 1024 descriptors that some systems allow: polling needs some as well. */
export const mostConnections = 512;

/** A connection to the server. */
export interface CallerConnection {
  readonly socket: Socket;
  /** The address that it comes from, without the port. */
  readonly peerAddress: string;
  /** The first bytes of its request. */
  readonly requestBegin: () => string;
  /** Whether its request has not come yet. */
  awaitsRequest: boolean;
}

/**
 * Adds a connection, and closes one if there are too many.
 *
 * @returns the one that was closed.
 */
export function addConnection(
  socket: Socket,
  connections: Map<Socket, CallerConnection>,
): CallerConnection | undefined {
  connections.set(socket, {
    socket,
    peerAddress: socket.remoteAddress ?? '',
    requestBegin: passOneRequest(socket),
    awaitsRequest: true,
  });
  socket.on('close', () => connections.delete(socket));
  if (connections.size <= mostConnections) {
    return undefined;
  }
  const excess = connectionToClose([...connections.values()]);
  excess?.socket.destroy();
  connections.delete(excess?.socket ?? socket);
  return excess;
}

/**
 * Chooses the connection to close when there are too many, of all in the order of their arrival: one
 * of the address that has the most. Among those, the one whose request has been missing for longest,
 * and if none is missing the latest: an answer under way is not cut off for a later caller.
 *
 * So a flood from some addresses costs those addresses their connections, and not the kubelet its own.
 */
export function connectionToClose<
  Each extends Pick<CallerConnection, 'peerAddress' | 'awaitsRequest'>,
>(connections: readonly Each[]): Each | undefined {
  const counts = new Map<string, number>();
  for (const { peerAddress } of connections) {
    counts.set(peerAddress, (counts.get(peerAddress) ?? 0) + 1);
  }
  const most = Math.max(...counts.values());
  const candidates = connections.filter(({ peerAddress }) => counts.get(peerAddress) === most);
  return candidates.find(({ awaitsRequest }) => awaitsRequest) ?? candidates.at(-1);
}
