import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { endianness, tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { canonicalIpv6 } from '../../src/backends/addresses.ts';
import { readTcpRows, readUnixRows } from '../../src/backends/procfs/procfs.ts';
import { parseTcpTable, type TcpRow } from '../../src/backends/procfs/tcp-table.ts';
import { parseUnixTable } from '../../src/backends/procfs/unix-table.ts';
import { BackendError } from '../../src/backends/types.ts';
import { bytesAsText, holds, mutated } from '../support/fuzz.ts';

const directory = mkdtempSync(join(tmpdir(), 'drain-fuzz-'));
afterAll(() => rmSync(directory, { recursive: true }));

const recorded = (name: string): Buffer =>
  readFileSync(new URL(`../fixtures/proc-busy-daemon/net/${name}`, import.meta.url));

/** What a parser makes of a text; null where it says that it can't trust it. */
function rowsOrNull<Row>(parse: () => Row[]): Row[] | null {
  try {
    return parse();
  } catch (error) {
    expect(error).toBeInstanceOf(BackendError);
    expect(error).toMatchObject({ code: 'ERR_TABLE_CUT' });
    return null;
  }
}

interface TcpLine {
  readonly local: Uint8Array;
  readonly localPort: number;
  readonly peer: Uint8Array;
  readonly peerPort: number;
  readonly state: number;
  readonly inode: number;
}

const port = fc.oneof(fc.constantFrom(1234, 12345, 0), fc.nat({ max: 65535 }));
const tcpLine = (family: 4 | 6): fc.Arbitrary<TcpLine> => {
  const length = family === 4 ? 4 : 16;
  const address = fc.uint8Array({ minLength: length, maxLength: length });
  return fc.record({
    ...{ local: address, localPort: port, peer: address, peerPort: port },
    ...{ state: fc.integer({ min: 1, max: 12 }), inode: fc.nat() },
  });
};

const hexOf = (value: number, digits: number): string =>
  value.toString(16).toUpperCase().padStart(digits, '0');

/** As get_tcp4_sock and get_tcp6_sock of the kernel print a socket. */
function printTcp(line: TcpLine, index: number): string {
  const words = (bytes: Uint8Array): string =>
    Array.from({ length: bytes.length / 4 }, (_, word) => {
      const four = [...bytes.subarray(4 * word, 4 * word + 4)];
      const ordered = endianness() === 'LE' ? four.reverse() : four;
      return ordered.map((byte) => hexOf(byte, 2)).join('');
    }).join('');
  const end = (bytes: Uint8Array, at: number): string => `${words(bytes)}:${hexOf(at, 4)}`;
  const ends = `${end(line.local, line.localPort)} ${end(line.peer, line.peerPort)}`;
  const start = `${String(index).padStart(4)}: ${ends} ${hexOf(line.state, 2)}`;
  return `${start} 00000000:00000000 02:000004C6 00000000     0        0 ${line.inode} 2 ffff 20 4 30 10 -1\n`;
}

const tcpHeader =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';

function expectedRow(family: 4 | 6, line: TcpLine): TcpRow[] {
  if (line.state !== 1 && line.state !== 10) {
    return [];
  }
  const groups = (bytes: Uint8Array): string =>
    (Buffer.from(bytes).toString('hex').match(/.{4}/g) ?? []).join(':');
  const text = (bytes: Uint8Array): string =>
    family === 4 ? bytes.join('.') : canonicalIpv6(groups(bytes));
  return [
    {
      state: line.state === 1 ? 'established' : 'listen',
      localAddress: text(line.local),
      localPort: line.localPort,
      peerAddress: text(line.peer),
      peerPort: line.peerPort,
      inode: line.inode,
    },
  ];
}

describe.each([4, 6] as const)('a table of TCP sockets, IPv%i', (family) => {
  it('is read as it was written', () => {
    holds([fc.array(tcpLine(family), { maxLength: 12 })], (lines) => {
      const table = tcpHeader + lines.map(printTcp).join('');
      const expected = lines.flatMap((line) => expectedRow(family, line));
      expect(parseTcpTable(table, family, 'tcp')).toEqual(expected);
      expect(parseTcpTable(table, family, 'tcp', { localPort: 1234 })).toEqual(
        expected.filter(({ localPort }) => localPort === 1234),
      );
    });
  });
});

describe('the tables of a kernel', () => {
  it('that were changed are refused, or read as no more rows than they have lines', () => {
    const tables = [recorded('tcp'), recorded('tcp6'), recorded('unix')];
    holds(
      [
        fc
          .nat({ max: 2 })
          .chain((which) => fc.tuple(fc.constant(which), mutated(tables[which] ?? Buffer.of()))),
      ],
      ([which, bytes]) => {
        const table = bytes.toString('latin1');
        const rows = rowsOrNull<unknown>(() =>
          which === 2
            ? parseUnixTable(table, 'unix')
            : parseTcpTable(table, which === 0 ? 4 : 6, 'tcp'),
        );
        expect(rows?.length ?? 0).toBeLessThan(Math.max(2, table.split('\n').length));
      },
    );
  });

  it('that were cut are refused, but between two lines', () => {
    const [tcp, unix] = [recorded('tcp'), recorded('unix')];
    writeFileSync(join(directory, 'tcp6'), recorded('tcp6'));
    holds([fc.nat({ max: tcp.length }), fc.nat({ max: unix.length })], (tcpSize, unixSize) => {
      for (const [name, whole, size] of [
        ['tcp', tcp, tcpSize],
        ['unix', unix, unixSize],
      ] as const) {
        writeFileSync(join(directory, name), whole.subarray(0, size));
        const rows = rowsOrNull<unknown>(() =>
          name === 'tcp' ? readTcpRows(directory) : readUnixRows(directory),
        );
        const isBetweenLines = whole[size - 1] === 10;
        expect(rows !== null).toBe(isBetweenLines);
      }
    });
  });
});

interface UnixLine {
  readonly holders: number;
  readonly flags: number;
  readonly type: number;
  readonly state: number;
  readonly inode: number;
  readonly name: string | null;
}

/** As unix_seq_show of the kernel prints a socket. */
function printUnix({ holders, flags, type, state, inode, name }: UnixLine): string {
  const head = `0000000066085a19: ${hexOf(holders, 8)} 00000000 ${hexOf(flags, 8)} ${hexOf(type, 4)}`;
  const named = name === null ? '' : ` ${name}`;
  return `${head} ${hexOf(state, 2)} ${String(inode).padStart(5)}${named}\n`;
}

const unixHeader = 'Num       RefCount Protocol Flags    Type St Inode Path\n';

const anyName = fc.oneof(
  fc.constantFrom('/run/b.sock', '@buildkit', '/run/b.sock\n', '\n'),
  bytesAsText({ minLength: 1, maxLength: 108 }).map((name) => name.replaceAll('\0', '@')),
  // A name that looks like what follows it.
  fc
    .nat({ max: 80 })
    .map((length) =>
      `\n${printUnix({ holders: 2, flags: 0x10000, type: 1, state: 1, inode: 7, name: '/x' })}`.slice(
        0,
        length + 1,
      ),
    ),
);
const unixLine: fc.Arbitrary<UnixLine> = fc.record({
  holders: fc.constantFrom(1, 2, 2, 2, 2, 3, 3, 3, 3, 4),
  flags: fc.constantFrom(0, 0x10000),
  type: fc.constantFrom(1, 1, 2, 5),
  state: fc.integer({ min: 1, max: 4 }),
  inode: fc.nat(),
  name: fc.option(anyName),
});

describe('a table of unix sockets', () => {
  it('has every socket that is in it, whatever names the others have', () => {
    holds([fc.array(unixLine, { maxLength: 12 })], (lines) => {
      const table = unixHeader + lines.map(printUnix).join('');
      const rows = parseUnixTable(table, 'unix').map(({ name, inode, state }) =>
        [state, inode, name].join(' '),
      );
      const tellsHolders = lines.every(({ holders }) => holders >= 2);
      const expected = lines.flatMap(({ holders, flags, type, state, inode, name }) => {
        const role = flags !== 0 ? 'listen' : ({ 2: 'queued', 3: 'accepted' } as const)[state];
        const hasLeft = tellsHolders && holders === 2 && role !== 'listen';
        const isShown = type === 1 && name !== null && role !== undefined && !hasLeft;
        return isShown ? [`${role} ${inode} ${name.split('\n', 1)[0]}`] : [];
      });
      // In their order; between them others may have been made up.
      let at = 0;
      for (const row of rows) {
        at += row === expected[at] ? 1 : 0;
      }
      expect(at).toBe(expected.length);
      if (!lines.some(({ name }) => name?.includes('\n'))) {
        expect(rows).toEqual(expected);
      }
    });
  });
});
