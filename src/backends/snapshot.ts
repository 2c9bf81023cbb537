import { peerText, plainAddress } from './addresses.ts';
import {
  BackendError,
  type Connection,
  type Endpoint,
  type EndpointSnapshot,
  type UnixEndpoint,
} from './types.ts';

/** A snapshot before it has a revision. */
export type Contents = Omit<EndpointSnapshot, 'revision'>;

/** What both backends know about a TCP socket. */
export interface TcpSocket {
  readonly state: 'listen' | 'established';
  readonly localAddress: string;
  readonly localPort: number;
  readonly peerAddress: string;
  readonly peerPort: number;
  readonly inode: number;
}

export function tcpContents(endpoint: Endpoint, sockets: readonly TcpSocket[]): Contents {
  const listenerInodes: number[] = [];
  const connections: Connection[] = [];
  for (const socket of sockets) {
    if (socket.state === 'listen') {
      listenerInodes.push(socket.inode);
    } else {
      connections.push(tcpConnection(endpoint, socket));
    }
  }
  return { listenerInodes, connections };
}

function tcpConnection(endpoint: Endpoint, socket: TcpSocket): Connection {
  const peerAddress = plainAddress(socket.peerAddress);
  return {
    endpoint: endpoint.address,
    peer: peerText(peerAddress, socket.peerPort),
    peerAddress,
    local: peerText(plainAddress(socket.localAddress), socket.localPort),
    inode: socket.inode,
  };
}

export function unixConnection(
  endpoint: UnixEndpoint,
  inode: number,
  peer: string | null,
): Connection {
  return { endpoint: endpoint.address, peer, peerAddress: null, local: endpoint.path, inode };
}

/** Thrown by a poll of an endpoint that has been closed. */
export function closedError(): BackendError {
  return new BackendError('ERR_CLOSED', 'poll', 'the endpoint was closed');
}
