import type { TcpRow } from './tcp-table.ts';

/**
 * Each socket once. The kernel hands out its table page by page, and while connections come and go
 * between two of them it may print the same one again; of a connection the later row counts.
 */
export function dedupe(rows: readonly TcpRow[]): TcpRow[] {
  return [...new Map(rows.map((row) => [identity(row), row])).values()];
}

// Listeners may share an address. A connection gets its inode when it is accepted.
function identity({ state, inode, ...row }: TcpRow): string {
  const { localAddress, localPort, peerAddress, peerPort } = row;
  return state === 'listen'
    ? `listener ${inode}`
    : `${localAddress} ${localPort} ${peerAddress} ${peerPort}`;
}
