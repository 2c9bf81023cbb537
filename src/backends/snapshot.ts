import { peerText, plainAddress } from './addresses.ts';
import type { Connection, Endpoint, EndpointSnapshot, UnixEndpoint } from './types.ts';

/** What both backends know of a TCP socket. */
export interface TcpSocket {
  readonly state: 'listen' | 'established';
  readonly localAddress: string;
  readonly localPort: number;
  readonly peerAddress: string;
  readonly peerPort: number;
  readonly inode: number;
}

export function tcpSnapshot(endpoint: Endpoint, sockets: readonly TcpSocket[]): EndpointSnapshot {
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
