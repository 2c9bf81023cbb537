import { cutTable } from './read-table.ts';

/** A named stream socket in /proc/net/unix that listens, is connected, or waits in a queue. */
export interface UnixRow {
  readonly state: 'listen' | 'accepted' | 'queued';
  /** 0 for a queued one. */
  readonly inode: number;
  /** One character per byte; an abstract name begins with `@`. */
  readonly name: string;
}

export const unixTableHeader = 'Num       RefCount Protocol Flags    Type St Inode Path';

const row =
  /^[0-9a-f]{8,16}: ([0-9A-F]{8}) [0-9A-F]{8} ([0-9A-F]{8}) ([0-9A-F]{4}) ([0-9A-F]{2}) +(\d+)(?: (.*))?$/s;

// include/linux/net.h: __SO_ACCEPTCON (1 << 16), and enum socket_state of include/uapi/linux/net.h.
const acceptsConnections = 0x10000;
const streamType = '0001';
const connecting = '02';
const connected = '03';

// RefCount, in net/unix/af_unix.c: the table has a reference to a socket, its owner has one, and so
// has its client until that closes its end. A client's connection, queued or accepted, has 3 at least,
// and one whose client has closed has 2 (measured on Linux 6.18, and the same in the sources of 3.x
// to 6.x); any other reference adds to that. gVisor counts differently: most of its sockets have 1.
const leastReferences = 2;

/**
 * The named stream sockets in a table. The kernel prints names as they are, and any process may give
 * its socket a name with line feeds: what follows them is not a row, or a forged one. A process can
 * add rows that way, but it can't hide any, and can't keep us from reading the others.
 *
 * A connection whose client has closed its end is left out, whether queued or accepted: a stopped
 * daemon keeps it until it runs again.
 *
 * @throws BackendError (`ERR_TABLE_CUT`) if the first row does not have the kernel's format.
 */
export function parseUnixTable(table: string, path: string): UnixRow[] {
  const rows: (UnixRow & { readonly references: number })[] = [];
  let countsReferences = true;
  for (const [index, line] of table.slice(0, -1).split('\n').slice(1).entries()) {
    const match = row.exec(line);
    if (match === null) {
      if (index === 0) {
        throw cutTable(path, `it has a line that was not expected: ${line}`);
      }
      continue;
    }
    const references = Number.parseInt(match[1] ?? '', 16);
    countsReferences &&= references >= leastReferences;
    const [, , flags = '', type, state = '', inode, name] = match;
    const role = roleOf(Number.parseInt(flags, 16), state);
    if (type === streamType && name !== undefined && role !== null) {
      rows.push({ state: role, inode: Number(inode), name, references });
    }
  }
  const hasClient = ({ state, references }: (typeof rows)[number]): boolean =>
    state === 'listen' || !countsReferences || references > leastReferences;
  return rows.filter(hasClient).map(({ state, inode, name }) => ({ state, inode, name }));
}

function roleOf(flags: number, state: string): UnixRow['state'] | null {
  if ((flags & acceptsConnections) !== 0) {
    return 'listen';
  }
  return state === connected ? 'accepted' : state === connecting ? 'queued' : null;
}
