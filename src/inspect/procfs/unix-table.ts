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
  /^[0-9a-f]{8,16}: [0-9A-F]{8} [0-9A-F]{8} ([0-9A-F]{8}) ([0-9A-F]{4}) ([0-9A-F]{2}) +(\d+)(?: (.*))?$/s;

// include/linux/net.h: __SO_ACCEPTCON (1 << 16), and enum socket_state of include/uapi/linux/net.h.
const acceptsConnections = 0x10000;
const streamType = '0001';
const connecting = '02';
const connected = '03';

/**
 * The named stream sockets in a table. The kernel prints names as they are, and anybody may give a
 * socket one with line feeds: what follows them is no row, or one that is made up. So nobody can
 * take a row away, or keep us from reading the others.
 *
 * @throws InspectError (`ERR_TABLE_CUT`) when the first row is not of the kernel's form.
 */
export function parseUnixTable(table: string, path: string): UnixRow[] {
  const rows: UnixRow[] = [];
  for (const [index, line] of table.slice(0, -1).split('\n').slice(1).entries()) {
    const match = row.exec(line);
    if (match === null) {
      if (index === 0) {
        throw cutTable(path, `it has a line that was not expected: ${line}`);
      }
      continue;
    }
    const [, flags = '', type, state = '', inode, name] = match;
    const role = roleOf(Number.parseInt(flags, 16), state);
    if (type === streamType && name !== undefined && role !== null) {
      rows.push({ state: role, inode: Number(inode), name });
    }
  }
  return rows;
}

function roleOf(flags: number, state: string): UnixRow['state'] | null {
  if ((flags & acceptsConnections) !== 0) {
    return 'listen';
  }
  return state === connected ? 'accepted' : state === connecting ? 'queued' : null;
}
