import { endianness } from 'node:os';
import { canonicalIpv6 } from '../addresses.ts';
import { cutTable } from './read-table.ts';

/** One LISTEN or ESTABLISHED line of /proc/net/tcp or tcp6 (proc_net_tcp(5)). */
export interface TcpRow {
  readonly state: 'listen' | 'established';
  readonly localAddress: string;
  readonly localPort: number;
  readonly peerAddress: string;
  readonly peerPort: number;
  /** 0 for a connection that no process has accepted yet. */
  readonly inode: number;
}

/** The rows that are wanted; a property that is left out matches all. */
export interface WantedRows {
  readonly localPort?: number;
  readonly state?: TcpRow['state'];
}

export const tcpTableHeader = '  sl  local_address';

// include/net/tcp_states.h, as the tables print them: two hexadecimal digits.
const states = { '01': 'established', '0A': 'listen' } as const;

const addressDigits = { 4: 8, 6: 32 } as const;

const row =
  /^ *\d+: ([0-9A-F]+):([0-9A-F]{4}) ([0-9A-F]+):([0-9A-F]{4}) ([0-9A-F]{2}) [0-9A-F]{8}:[0-9A-F]{8} [0-9A-F]{2}:[0-9A-F]{8,16} [0-9A-F]{8} +\d+ +-?\d+ (\d+) /;

/**
 * The listeners and established connections in a table, all or only those wanted.
 *
 * A busy host's table has some 10 MB, and only a few lines matter: the others are not parsed, only
 * checked for their shape.
 *
 * @throws BackendError (`ERR_TABLE_CUT`) if any line does not have the kernel's format.
 */
export function parseTcpTable(
  table: string,
  family: 4 | 6,
  path: string,
  wanted: WantedRows = {},
): TcpRow[] {
  const digits = addressDigits[family];
  const wantedPort = wanted.localPort === undefined ? null : hexPort(wanted.localPort);
  const wantedStates = Object.entries(states)
    .filter(([, state]) => wanted.state === undefined || state === wanted.state)
    .map(([code]) => code);
  const rows: TcpRow[] = [];
  let start = table.indexOf('\n') + 1;
  while (start < table.length) {
    const end = table.indexOf('\n', start);
    const local = table.indexOf(':', start) + 2;
    const peer = local + digits + 6;
    const state = peer + digits + 6;
    if (!hasRowShape(table, local, peer, state, end, digits)) {
      throw cutTable(path, `it has a line that was not expected: ${table.slice(start, end)}`);
    }
    const isWanted = wantedPort === null || table.startsWith(wantedPort, local + digits + 1);
    if (isWanted && wantedStates.includes(table.slice(state, state + 2))) {
      rows.push(parseRow(table.slice(start, end), family, path));
    }
    start = end + 1;
  }
  return rows;
}

function hasRowShape(
  table: string,
  local: number,
  peer: number,
  state: number,
  end: number,
  digits: number,
): boolean {
  return (
    state + 2 < end &&
    table[local - 1] === ' ' &&
    table[local + digits] === ':' &&
    table[peer - 1] === ' ' &&
    table[peer + digits] === ':' &&
    table[state - 1] === ' ' &&
    table[state + 2] === ' '
  );
}

function parseRow(line: string, family: 4 | 6, path: string): TcpRow {
  const [, localAddress, localPort, peerAddress, peerPort, state, inode] = row.exec(line) ?? [];
  if (!localAddress || !localPort || !peerAddress || !peerPort || !state || !inode) {
    throw cutTable(path, `it has a line that was not expected: ${line}`);
  }
  const address = family === 4 ? ipv4 : ipv6;
  return {
    state: states[state as keyof typeof states],
    localAddress: address(localAddress),
    localPort: Number.parseInt(localPort, 16),
    peerAddress: address(peerAddress),
    peerPort: Number.parseInt(peerPort, 16),
    inode: Number(inode),
  };
}

function hexPort(port: number): string {
  return port.toString(16).toUpperCase().padStart(4, '0');
}

function ipv4(digits: string): string {
  return networkBytes(digits).join('.');
}

function ipv6(digits: string): string {
  const words = digits.match(/.{8}/g) ?? [];
  const bytes = words.flatMap((word) => [...networkBytes(word)]);
  const groups = bytes
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('')
    .match(/.{4}/g);
  return canonicalIpv6((groups ?? []).join(':'));
}

// The kernel prints each 32-bit word of an address as a number in the machine's byte order.
function networkBytes(word: string): Buffer {
  const bytes = Buffer.from(word, 'hex');
  return endianness() === 'LE' ? bytes.reverse() : bytes;
}
