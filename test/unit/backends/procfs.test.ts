import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createProcfsBackend, readUnixRows } from '../../../src/backends/procfs/procfs.ts';
import { readTable } from '../../../src/backends/procfs/read-table.ts';
import { parseTcpTable } from '../../../src/backends/procfs/tcp-table.ts';
import { parseUnixTable } from '../../../src/backends/procfs/unix-table.ts';
import type { Endpoint } from '../../../src/backends/types.ts';
import { parseEndpoint } from '../../../src/options/endpoint.ts';

function fixture(name: string): string {
  return fileURLToPath(new URL(`../../fixtures/${name}/net`, import.meta.url));
}

function result(name: string, address: string) {
  const endpoint: Endpoint = parseEndpoint(address);
  const { listenerInodes, connections } = createProcfsBackend(fixture(name)).open(endpoint).poll();
  return { listenerInodes, clients: connections.map(({ peer, inode }) => [peer, inode]) };
}

describe('the procfs backend', () => {
  it('lists the clients of a port over IPv4 and IPv6, accepted and queued', () => {
    expect(result('proc-busy-daemon', 'tcp://0.0.0.0:1234')).toEqual({
      listenerInodes: [53136],
      clients: [
        ['[::1]:55080', 0],
        ['127.0.0.1:57362', 0],
        ['127.0.0.1:57370', 0],
        ['127.0.0.1:57354', 53140],
        ['[::1]:55078', 53146],
        ['[::1]:55070', 53142],
      ],
    });
  });

  it('does not take port 12345 for 1234, nor its own end of a connection to port 1234', () => {
    expect(result('proc-busy-daemon', 'tcp://0.0.0.0:12345')).toEqual({
      listenerInodes: [53135],
      clients: [['127.0.0.1:32926', 53138]],
    });
  });

  it('has the same snapshot until what it shows differs, whatever else the tables have', () => {
    const directory = mkdtempSync(join(tmpdir(), 'drain-procfs-'));
    const copy = (table: string, change: (text: string) => string = (text) => text): void => {
      const text = readFileSync(join(fixture('proc-busy-daemon'), table), 'utf8');
      writeFileSync(join(directory, table), change(text));
    };
    copy('tcp');
    copy('tcp6');
    const endpoint = createProcfsBackend(directory).open(parseEndpoint('tcp://0.0.0.0:1234'));
    const first = endpoint.poll();
    copy('tcp', (text) => text.split('\n').slice(0, -2).concat('').join('\n'));
    expect(endpoint.poll()).toBe(first);
    copy('tcp6', (text) => text.replaceAll(' 53146 ', ' 53147 '));
    const accepted = endpoint.poll();
    expect(accepted.revision).not.toBe(first.revision);
    expect(accepted.connections.map(({ inode }) => inode)).toContain(53147);
    copy('tcp6', (text) => text.replaceAll(' 53136 ', ' 53137 '));
    const replaced = endpoint.poll();
    expect([replaced.listenerInodes, replaced.revision > accepted.revision]).toEqual([
      [53137],
      true,
    ]);
    rmSync(directory, { recursive: true });
  });

  it('counts a connection once that a changing table shows twice, queued and accepted', () => {
    const busy = fixture('proc-busy-daemon');
    const directory = mkdtempSync(join(tmpdir(), 'drain-procfs-'));
    const [header = '', ...rows] = readFileSync(join(busy, 'tcp6'), 'utf8')
      .split('\n')
      .slice(0, -1);
    const accepted = rows.map((row) =>
      row.replace(/^( *(?:[^ ]+ +){9})0 /, (_, before) => `${before}53199 `),
    );
    writeFileSync(join(directory, 'tcp6'), [header, ...rows, ...accepted, ''].join('\n'));
    writeFileSync(join(directory, 'tcp'), readFileSync(join(busy, 'tcp')));
    const endpoint = parseEndpoint('tcp://0.0.0.0:1234');
    const snapshot = createProcfsBackend(directory).open(endpoint).poll();
    rmSync(directory, { recursive: true });
    expect(snapshot.listenerInodes).toEqual([53136]);
    const clients = snapshot.connections.map(({ peer, inode }) => [peer, inode]);
    expect(clients.filter(([peer]) => String(peer).startsWith('127.'))).toEqual([
      ['127.0.0.1:57362', 53199],
      ['127.0.0.1:57370', 53199],
      ['127.0.0.1:57354', 53140],
    ]);
  });

  it('lists accepted and queued clients of a unix socket, without their names', () => {
    expect(result('proc-busy-daemon', 'unix:///run/buildkit/buildkitd.sock')).toEqual({
      listenerInodes: [53148],
      clients: [
        [null, 0],
        [null, 53150],
        [null, 0],
      ],
    });
  });

  it('finds an abstract listener', () => {
    expect(result('proc-busy-daemon', 'unix://@buildkit').listenerInodes).toEqual([53153]);
  });

  it('keeps the bytes of a path that is not UTF-8, and reads on after one with a line feed', () => {
    const names = readUnixRows(fixture('proc-busy-daemon')).map(({ name }) => name);
    expect(names).toContain('/tmp/rec/\xff\xfe.sock');
    expect(names).toContain('@buildkit');
  });

  it('takes a missing tcp6 beside a readable tcp for a kernel without IPv6', () => {
    expect(result('proc-no-ipv6', 'tcp://0.0.0.0:12345').clients).toHaveLength(1);
  });

  it.each([
    ['tcp://0.0.0.0:1234', 'tcp'],
    ['unix:///run/buildkit/buildkitd.sock', 'unix'],
  ])('gives no answer from a table that is cut short: %s', (address, table) => {
    const path = `${fixture('proc-cut')}/${table}`;
    expect(() => result('proc-cut', address)).toThrow(
      expect.objectContaining({
        code: 'ERR_TABLE_CUT',
        operation: `read ${path}`,
        message: `${path} can't be trusted: its last line has no end`,
      }),
    );
  });

  it.each(['tcp://0.0.0.0:1234', 'unix:///x'])(
    'gives no answer where there is no table: %s',
    (address) => {
      expect(() => result('proc-none', address)).toThrow(
        expect.objectContaining({ code: 'ENOENT' }),
      );
    },
  );
});

const tcpHeader =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';
const tcpRow =
  '   0: 0100007F:04D2 0200007F:809E 01 00000000:00000000 00:00000000 00000000     0        0 53138 1 00000000bd1be7f2 20 0 0 10 -1\n';

describe('parseTcpTable', () => {
  it('reads addresses as the machine writes them', () => {
    expect(parseTcpTable(tcpHeader + tcpRow, 4, 'tcp')).toEqual([
      {
        state: 'established',
        localAddress: '127.0.0.1',
        localPort: 1234,
        peerAddress: '127.0.0.2',
        peerPort: 32926,
        inode: 53138,
      },
    ]);
  });

  it('writes an IPv6 address in its canonical form', () => {
    const row = tcpRow
      .replace('0100007F', 'B80D0120000000000000000001000000')
      .replace('0200007F', '0000000000000000FFFF00000500000A');
    expect(parseTcpTable(tcpHeader + row, 6, 'tcp6')).toMatchObject([
      { localAddress: '2001:db8::1', peerAddress: '::ffff:10.0.0.5' },
    ]);
  });

  it.each(['02', '03', '04', '05', '06', '07', '08', '09', '0B', '0C'])(
    'leaves out state %s: neither LISTEN nor ESTABLISHED',
    (state) => {
      expect(parseTcpTable(tcpHeader + tcpRow.replace(' 01 ', ` ${state} `), 4, 'tcp')).toEqual([]);
    },
  );

  it('refuses the row at whatever position it is cut', () => {
    const needed = tcpRow.indexOf(' 53138') + ' 53138'.length;
    for (let length = 0; length < needed; length += 1) {
      const table = `${tcpHeader}${tcpRow.slice(0, length)}\n${tcpRow}`;
      expect(() => parseTcpTable(table, 4, 'tcp'), `cut at ${length}`).toThrow('not expected');
    }
  });

  it('refuses a cut row of another port too, since the port may be what was cut', () => {
    const table = `${tcpHeader}   0: 0100007F:04D2 02000\n`;
    expect(() => parseTcpTable(table, 4, 'tcp', { localPort: 4321 })).toThrow('not expected');
  });

  it('finds the few rows of one port among 10 MB of others', () => {
    const others = tcpRow.replace(':04D2', ':3039').repeat(80_000);
    const table = tcpHeader + others + tcpRow + others;
    expect(table.length).toBeGreaterThan(20e6);
    expect(parseTcpTable(table, 4, 'tcp', { localPort: 1234 })).toHaveLength(1);
  });
});

const unixHeader = 'Num       RefCount Protocol Flags    Type St Inode Path\n';
const unixRow = '0000000066085a19: 00000002 00000000 00010000 0001 01 53148 /run/b.sock\n';

describe('parseUnixTable', () => {
  it('refuses a table with a cut first row', () => {
    const lastNeeded = unixRow.indexOf(' 53148') + 2;
    for (let length = 0; length < lastNeeded; length += 1) {
      const table = `${unixHeader}${unixRow.slice(0, length)}\n`;
      expect(() => parseUnixTable(table, 'unix'), `cut at ${length}`).toThrow('not expected');
    }
  });

  it.each([
    'a\nb',
    'a\r',
    'a\rb\n',
    '\n\n',
    'a\n0000000066085a19: 0000',
    'a\n0000000066085a19: 00000002 00000000 00000000 0001 03 7\njunk',
    'a\n(____ptrval____): 00000002',
  ])('loses no row to a stranger’s socket called %j', (name) => {
    const strangers = unixRow.replace('/run/b.sock', name);
    const names = (table: string): string[] =>
      parseUnixTable(unixHeader + table, 'unix').map((each) => each.name);
    for (const table of [strangers + unixRow, unixRow + strangers, unixRow + strangers + unixRow]) {
      const rows = table.split(unixRow).length - 1;
      expect(names(table).filter((each) => each === '/run/b.sock')).toHaveLength(rows);
    }
  });

  const connection = (holders: number, state: string, inode: number): string =>
    `0000000066085a19: 0000000${holders} 00000000 00000000 0001 ${state} ${inode} /run/b.sock\n`;
  const queued = (holders: number): string => connection(holders, '02', 0);
  const accepted = (holders: number): string => connection(holders, '03', 7);
  const states = (table: string): string[] =>
    parseUnixTable(unixHeader + unixRow + table, 'unix').map(({ state }) => state);

  it('leaves out the connections that no client holds on to any more', () => {
    expect(states(queued(3) + queued(2) + accepted(2) + accepted(3) + accepted(4))).toEqual([
      'listen',
      'queued',
      'accepted',
      'accepted',
    ]);
  });

  it('keeps them all where sockets have fewer holders than those of Linux do', () => {
    expect(states(queued(2) + accepted(2) + accepted(1))).toEqual([
      'listen',
      'queued',
      'accepted',
      'accepted',
    ]);
  });

  it('leaves out sockets that are no streams', () => {
    expect(parseUnixTable(unixHeader + unixRow.replace(' 0001 ', ' 0005 '), 'unix')).toEqual([]);
  });
});

describe('readTable', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'buildkit-drain-'));
  });
  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  it('reads a table that is larger than what one read gives', () => {
    const table = unixHeader + unixRow.repeat(20_000);
    writeFileSync(join(directory, 'unix'), table);
    expect(readTable(join(directory, 'unix'), 'Num')).toBe(table);
  });

  it('refuses an empty file: a table without sockets still has its header', () => {
    writeFileSync(join(directory, 'unix'), '');
    expect(() => readTable(join(directory, 'unix'), 'Num')).toThrow(
      'its first line is not the header',
    );
  });
});
