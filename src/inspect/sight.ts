import { peerText, plainAddress } from './addresses.ts';
import type { Connection, Endpoint, Sight } from './types.ts';

/** What both inspectors know of a TCP socket. Traffic is known to sock_diag alone. */
export interface TcpSocket {
  readonly state: 'listen' | 'established';
  readonly peerAddress: string;
  readonly peerPort: number;
  readonly inode: number;
  readonly bytesReceived?: number | null;
  readonly lastDataReceivedMs?: number | null;
  readonly lastDataSentMs?: number | null;
}

export function tcpSight(endpoint: Endpoint, sockets: readonly TcpSocket[]): Sight {
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
    inode: socket.inode,
    bytesReceived: socket.bytesReceived ?? null,
    msSinceReceived: socket.lastDataReceivedMs ?? null,
    msSinceSent: socket.lastDataSentMs ?? null,
  };
}

/** The kernel keeps neither counters nor times for unix sockets. */
export function unixConnection(endpoint: Endpoint, inode: number, peer: string | null): Connection {
  return {
    endpoint: endpoint.address,
    peer,
    peerAddress: null,
    inode,
    bytesReceived: null,
    msSinceReceived: null,
    msSinceSent: null,
  };
}
