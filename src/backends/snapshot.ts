import { peerText, plainAddress } from './addresses.ts';
import type {
  Connection,
  Endpoint,
  EndpointSnapshot,
  OpenEndpoint,
  TcpFacts,
  TrackedEndpoint,
  UnixEndpoint,
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

export function tcpConnection(endpoint: Endpoint, socket: TcpSocket): Connection {
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

/** What is known beyond the polls; null for unix sockets, and for procfs. */
export function factsOf(open: OpenEndpoint | TrackedEndpoint | null): TcpFacts | null {
  return open !== null && 'traffic' in open ? open : null;
}
