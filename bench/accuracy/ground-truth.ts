import type { ClientRecord } from './load.ts';
import type { ServerRecord } from './server.ts';
import type { Transport } from './types.ts';

/**
 * A connection as it was, between four moments: it was not there before `openFromMs`, it was from
 * `openToMs` to `closeFromMs`, and it was not any more after `closeToMs`.
 */
export interface TrueConnection {
  readonly transport: Transport;
  /** The numbers by which a detector may know it. */
  readonly keys: readonly number[];
  readonly openFromMs: number;
  readonly openToMs: number;
  readonly closeFromMs: number;
  readonly closeToMs: number;
}

const ipv6Keys = 0x1_0000;

/** The number by which a TCP connection is known, from its peer's port. */
export function tcpKey(isIpv6: boolean, peerPort: number): number {
  return isIpv6 ? peerPort + ipv6Keys : peerPort;
}

/** The keys that a connection may have of which only the peer's port is known. */
export function keysOfPort(peerPort: number): readonly number[] {
  return [tcpKey(false, peerPort), tcpKey(true, peerPort)];
}

/** Puts together what both ends recorded. A connection that could not be made is left out. */
export function trueConnections(
  clients: readonly ClientRecord[],
  servers: readonly ServerRecord[],
): TrueConnection[] {
  const byId = new Map(servers.map((record) => [record.id, record]));
  return clients
    .filter(({ error }) => error === null)
    .map((client) => {
      const server = byId.get(client.id);
      const isUnix = client.way === 'unix';
      const inodes = [client.name, server?.inode ?? 0].filter((inode) => inode !== 0);
      return {
        transport: isUnix ? 'unix' : 'tcp',
        keys: isUnix ? inodes : [tcpKey(client.way === 'tcp6', client.name)],
        openFromMs: client.openFromMs,
        // Whichever side knew first: both know only of what exists.
        openToMs: Math.min(client.openToMs, server?.acceptedMs ?? Infinity),
        closeFromMs: client.closeFromMs,
        closeToMs: Math.max(client.closeToMs, server?.closedMs ?? 0),
      };
    });
}

/** Lifetimes that a connection can have had, as far as one can tell. */
export interface VisibleRange {
  readonly leastMs: number;
  readonly mostMs: number;
}

/**
 * How long it could be seen. A TCP connection is no longer ESTABLISHED when its client has closed; a
 * unix socket is there until the daemon, which learns of it a moment later, closes it, too.
 */
export function visibleRange(connection: TrueConnection): VisibleRange {
  const { transport, openFromMs, openToMs, closeFromMs, closeToMs } = connection;
  return {
    leastMs: Math.max(0, closeFromMs - openToMs),
    mostMs: (transport === 'tcp' ? closeFromMs : closeToMs) - openFromMs,
  };
}

export function visibleMs(connection: TrueConnection): number {
  const { leastMs, mostMs } = visibleRange(connection);
  return (leastMs + mostMs) / 2;
}
