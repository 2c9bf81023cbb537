import type { ClientRecord } from './load.ts';
import type { ServerRecord } from './server.ts';
import type { Transport } from './types.ts';

/**
 * A connection that really existed. It opened between `openFromMs` and `openToMs`, and closed between
 * `closeFromMs` and `closeToMs`.
 */
export interface TrueConnection {
  readonly transport: Transport;
  /** The numbers by which a detector may identify it. */
  readonly keys: readonly number[];
  readonly openFromMs: number;
  readonly openToMs: number;
  readonly closeFromMs: number;
  readonly closeToMs: number;
}

const ipv6Keys = 0x1_0000;

/** The number that identifies a TCP connection, from its peer's port. */
export function tcpKey(isIpv6: boolean, peerPort: number): number {
  return isIpv6 ? peerPort + ipv6Keys : peerPort;
}

/** The possible keys of a connection if only its peer's port is known. */
export function keysOfPort(peerPort: number): readonly number[] {
  return [tcpKey(false, peerPort), tcpKey(true, peerPort)];
}

/** Combines the records of both ends. Connections that failed are left out. */
export function trueConnections(
  clients: readonly ClientRecord[],
  servers: readonly ServerRecord[],
): TrueConnection[] {
  const byId = new Map(servers.map((record) => [record.id, record]));
  return clients
    .filter(({ error }) => error === null)
    .map((client) => {
      const server = byId.get(client.id);
      const isUnix = client.family === 'unix';
      const inodes = [client.name, server?.inode ?? 0].filter((inode) => inode !== 0);
      return {
        transport: isUnix ? 'unix' : 'tcp',
        keys: isUnix ? inodes : [tcpKey(client.family === 'tcp6', client.name)],
        openFromMs: client.openFromMs,
        // Whichever side knew first: both know only of what exists.
        openToMs: Math.min(client.openToMs, server?.acceptedMs ?? Infinity),
        closeFromMs: client.closeFromMs,
        closeToMs: Math.max(client.closeToMs, server?.closedMs ?? 0),
      };
    });
}

/** The range of the lifetime of a connection. */
export interface VisibleRange {
  readonly leastMs: number;
  readonly mostMs: number;
}

/**
 * How long polls could see it. A TCP connection is no longer ESTABLISHED once its client has closed it;
 * a unix socket exists until the daemon, which is notified a moment later, has closed it, too.
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
