import { readdirSync } from 'node:fs';
import { closedError } from '../closed.ts';
import { tcpSnapshot, unixConnection } from '../snapshot.ts';
import { socketNames } from '../socket-names.ts';
import type { Backend, EndpointSnapshot, UnixEndpoint } from '../types.ts';
import { BackendError } from '../types.ts';
import { dedupe } from './dedupe.ts';
import { readTable } from './read-table.ts';
import { parseTcpTable, type TcpRow, tcpTableHeader, type WantedRows } from './tcp-table.ts';
import { parseUnixTable, type UnixRow, unixTableHeader } from './unix-table.ts';

/**
 * The backend that reads the kernel's tables as text.
 *
 * @param netDirectory the directory with `tcp`, `tcp6` and `unix`: `/proc/net` for this process's
 * network namespace, `/proc/<pid>/net` for that of another process.
 */
export function createProcfsBackend(netDirectory: string): Backend {
  let isClosed = false;
  return {
    name: 'procfs',
    poll(endpoint) {
      if (isClosed) {
        throw closedError();
      }
      return endpoint.kind === 'tcp'
        ? tcpSnapshot(
            endpoint,
            dedupe(readTcpRows(netDirectory, { localPort: endpoint.localPort })),
          )
        : unixSight(endpoint, readUnixRows(netDirectory));
    },
    close() {
      isClosed = true;
    },
  };
}

/** The TCP listeners and connections of both families, all or those that are wanted. */
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
    // A kernel without IPv6 has the IPv4 table alone: that is none, not unknown.
    if (error instanceof BackendError && error.code === 'ENOENT' && !hasTcp6(netDirectory)) {
      return [];
    }
    throw error;
  }
}

// A file that is listed and can't be opened is not missing.
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

function unixSight(endpoint: UnixEndpoint, rows: readonly UnixRow[]): EndpointSnapshot {
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
