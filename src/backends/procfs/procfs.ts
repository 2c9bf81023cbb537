import { readdirSync } from 'node:fs';
import { socketNames } from '../addresses.ts';
import { requireLinux } from '../platform.ts';
import { type Contents, type TcpSocket, tcpConnection, unixConnection } from '../snapshot.ts';
import {
  type Backend,
  BackendError,
  type Connection,
  type Endpoint,
  type EndpointSnapshot,
  type UnixEndpoint,
} from '../types.ts';
import { readTable } from './read-table.ts';
import { parseTcpTable, type TcpRow, tcpTableHeader, type WantedRows } from './tcp-table.ts';
import { parseUnixTable, type UnixRow, unixTableHeader } from './unix-table.ts';

/**
 * The backend that reads the kernel's tables as text.
 *
 * @param netDirectory the directory with `tcp`, `tcp6` and `unix`: `/proc/net` for this process's
 * network namespace, `/proc/<pid>/net` for that of another process.
 * @throws BackendError (`ERR_PLATFORM`) on another system than Linux.
 */
export function createProcfsBackend(netDirectory: string): Backend {
  requireLinux();
  return {
    name: 'procfs',
    open(endpoint) {
      let latest: EndpointSnapshot = { revision: 0, listenerInodes: [], connections: [] };
      return {
        poll() {
          const now = readContents(netDirectory, endpoint);
          if (latest.revision === 0 || !isSame(now, latest)) {
            latest = { revision: latest.revision + 1, ...now };
          }
          return latest;
        },
        // Nothing stays open between two polls.
        close() {},
      };
    },
  };
}

function readContents(netDirectory: string, endpoint: Endpoint): Contents {
  return endpoint.kind === 'tcp'
    ? tcpContents(endpoint, dedupe(readTcpRows(netDirectory, { localPort: endpoint.localPort })))
    : unixContents(endpoint, readUnixRows(netDirectory));
}

/**
 * Each socket once. The kernel prints its table page by page, and if connections come and go
 * meanwhile, it may print one of them twice. The later row counts.
 */
function dedupe(rows: readonly TcpRow[]): TcpRow[] {
  return [...new Map(rows.map((row) => [identity(row), row])).values()];
}

// Listeners may share an address, and a connection has no inode before it is accepted.
function identity({ state, inode, ...row }: TcpRow): string {
  const { localAddress, localPort, peerAddress, peerPort } = row;
  return state === 'listen'
    ? `listener ${inode}`
    : `${localAddress} ${localPort} ${peerAddress} ${peerPort}`;
}

function tcpContents(endpoint: Endpoint, sockets: readonly TcpSocket[]): Contents {
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

function isSame(one: Contents, other: Contents): boolean {
  return (
    one.connections.length === other.connections.length &&
    one.connections.every((connection, i) => isSameConnection(connection, other.connections[i])) &&
    one.listenerInodes.length === other.listenerInodes.length &&
    one.listenerInodes.every((inode, i) => inode === other.listenerInodes[i])
  );
}

/** Of two connections to one endpoint. */
function isSameConnection(one: Connection, other: Connection | undefined): boolean {
  return one.inode === other?.inode && one.peer === other.peer && one.local === other.local;
}

/** The TCP listeners and connections of both families, all or only those wanted. */
export function readTcpRows(netDirectory: string, wanted: WantedRows = {}): TcpRow[] {
  const ipv4Path = `${netDirectory}/tcp`;
  const ipv4 = parseTcpTable(readTable(ipv4Path, tcpTableHeader), 4, ipv4Path, wanted);
  return [...ipv4, ...readTcp6Rows(netDirectory, wanted)];
}

function readTcp6Rows(netDirectory: string, wanted: WantedRows): TcpRow[] {
  const path = `${netDirectory}/tcp6`;
  try {
    return parseTcpTable(readTable(path, tcpTableHeader), 6, path, wanted);
  } catch (error) {
    // A kernel without IPv6 has no such table: that is no connection, not an unknown number.
    if (error instanceof BackendError && error.code === 'ENOENT' && !hasTcp6(netDirectory)) {
      return [];
    }
    throw error;
  }
}

// A file that is listed but can't be opened is not missing.
function hasTcp6(netDirectory: string): boolean {
  try {
    return readdirSync(netDirectory).includes('tcp6');
  } catch {
    return true;
  }
}

export function readUnixRows(netDirectory: string): UnixRow[] {
  const path = `${netDirectory}/unix`;
  return parseUnixTable(readTable(path, unixTableHeader), path);
}

function unixContents(endpoint: UnixEndpoint, rows: readonly UnixRow[]): Contents {
  const names = socketNames(endpoint.path).map((name) => Buffer.from(name).toString('latin1'));
  const own = rows.filter((row) => names.includes(row.name));
  const isListener = (row: UnixRow): boolean => row.state === 'listen';
  return {
    listenerInodes: own.filter(isListener).map((row) => row.inode),
    connections: own
      .filter((row) => !isListener(row))
      .map((row) => unixConnection(endpoint, row.inode, null)),
  };
}
