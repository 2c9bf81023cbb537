import { cutTable } from './read-table.ts';

/** One named stream socket of /proc/net/unix that listens, is connected, or waits in a queue. */
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

// RefCount, in net/unix/af_unix.c: the table holds on to a socket, and who made it, and its client
// until that closes its end. So a client's connection, queued or accepted, has 3 at least, and one
// that has been left has 2 (measured on Linux 6.18, and so in the sources of 3.x to 6.x); whatever
// else holds on to it makes it more. gVisor counts otherwise: most of its sockets have 1.
const leastHolders = 2;

/**
 * The named stream sockets in a table. The kernel prints names as they are, and anybody may give a
 * socket one with line feeds: what follows them is no row, or one that is made up. So nobody can
 * take a row away, or keep us from reading the others.
 *
 * A connection whose client has closed its end is left out, be it queued or accepted: a daemon that
 * does not run keeps it for as long.
 *
 * @throws BackendError (`ERR_TABLE_CUT`) when the first row is not of the kernel's form.
 */
export function parseUnixTable(table: string, path: string): UnixRow[] {
  const rows: (UnixRow & { readonly holders: number })[] = [];
  let tellsHolders = true;
  for (const [index, line] of table.slice(0, -1).split('\n').slice(1).entries()) {
    const match = row.exec(line);
    if (match === null) {
      if (index === 0) {
        throw cutTable(path, `it has a line that was not expected: ${line}`);
      }
      continue;
    }
    const holders = Number.parseInt(match[1] ?? '', 16);
    tellsHolders &&= holders >= leastHolders;
    const [, , flags = '', type, state = '', inode, name] = match;
    const role = roleOf(Number.parseInt(flags, 16), state);
    if (type === streamType && name !== undefined && role !== null) {
      rows.push({ state: role, inode: Number(inode), name, holders });
    }
  }
  const hasClient = ({ state, holders }: (typeof rows)[number]): boolean =>
    state === 'listen' || !tellsHolders || holders > leastHolders;
  return rows.filter(hasClient).map(({ state, inode, name }) => ({ state, inode, name }));
}

function roleOf(flags: number, state: string): UnixRow['state'] | null {
  if ((flags & acceptsConnections) !== 0) {
    return 'listen';
  }
  return state === connected ? 'accepted' : state === connecting ? 'queued' : null;
}
