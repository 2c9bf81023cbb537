import { execFileSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { counterRows, eventRows, markRows, questionRows } from '../support/fault-table.ts';

const prebuilds = fileURLToPath(new URL('../../prebuilds', import.meta.url));

/** What the addon may ask of the process that loads it, next to Node-API. */
const libcNames = [
  '__errno_location',
  'abort',
  'bind',
  'clock_gettime',
  'close',
  'free',
  'inet_ntop',
  'listen',
  'malloc',
  'memcmp',
  'memcpy',
  'memmove',
  'memset',
  'open',
  'poll',
  'pread',
  'recvmsg',
  'sendmsg',
  'setsockopt',
  'snprintf',
  'socket',
  'strlen',
  'waitid',
];

/** Those that have to have these names; musl's for x64 stands for that of arm64, with the same sources. */
const libcs = {
  x64: ['/lib/x86_64-linux-gnu/libc.so.6', '/lib/ld-musl-x86_64.so.1'],
  arm64: ['/usr/aarch64-linux-gnu/lib/libc.so.6'],
};

const cpus = {
  x64: { machine: 'Advanced Micro Devices X86-64', pageSize: 0x1000, limit: 88 * 1024 },
  // Kernels for arm64 may have pages of 64 KiB, so it is two such pages, and section headers.
  arm64: { machine: 'AArch64', pageSize: 0x10000, limit: 132 * 1024 },
};

/** Of these, those that ask the kernel for something: each has its faults in test/support/fault-table.ts. */
const systemCalls = [
  'bind',
  'close',
  'listen',
  'open',
  'poll',
  'pread',
  'recvmsg',
  'sendmsg',
  'setsockopt',
  'socket',
];

const nodeApiEntryPoints = ['napi_register_module_v1', 'node_api_module_get_api_version_v1'];

function readelf(option: string, path: string): string {
  return execFileSync('readelf', ['--wide', option, path], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
  });
}

interface DynamicSymbol {
  name: string;
  isDefined: boolean;
  isWeak: boolean;
}

function definedIn(path: string): string[] {
  return dynamicSymbols(path)
    .filter((symbol) => symbol.isDefined)
    .map(({ name }) => name.replace(/@.*/, ''));
}

function dynamicSymbols(path: string): DynamicSymbol[] {
  // Num: Value Size Type Bind Vis Ndx Name
  const rows = [
    ...readelf('--dyn-syms', path).matchAll(/^ +\d+: (?:\S+ +){3}(\S+) +\S+ +(\S+) +(\S+)$/gm),
  ];
  return rows
    .filter(([, binding]) => binding !== 'LOCAL')
    .map(([, binding = '', section = '', name = '']) => ({
      name,
      isDefined: section !== 'UND',
      isWeak: binding === 'WEAK',
    }));
}

test('there is one untagged file per CPU, which serves glibc and musl', () => {
  const files = readdirSync(prebuilds, { recursive: true, encoding: 'utf8' });
  expect(files.filter((path) => path.includes('/')).sort()).toEqual(
    Object.keys(cpus)
      .map((cpu) => `linux-${cpu}/buildkit-drain.node`)
      .sort(),
  );
});

test.runIf(process.arch === 'x64').each(Object.values(libcs).flat())(
  'all that an addon may ask for is in %s',
  (libc) => {
    const names = new Set(definedIn(libc));
    expect(libcNames.filter((name) => !names.has(name))).toEqual([]);
  },
);

describe.each(Object.entries(cpus))('the file for %s', (cpu, { machine, pageSize, limit }) => {
  const path = `${prebuilds}/linux-${cpu}/buildkit-drain.node`;

  test('is for this CPU, with any page size', () => {
    expect(readelf('--file-header', path)).toMatch(new RegExp(`Machine: +${machine}$`, 'm'));
    const loads = readelf('--program-headers', path).matchAll(/^ +LOAD .* (0x[0-9a-f]+)$/gm);
    const alignments = new Set([...loads].map(([, alignment]) => Number(alignment)));
    expect([...alignments]).toEqual([pageSize]);
  });

  test('needs no library by name', () => {
    expect(readelf('--dynamic', path)).not.toContain('(NEEDED)');
  });

  test('needs no version of a symbol', () => {
    expect(readelf('--version-info', path)).toContain('No version information found');
  });

  test('asks only for Node-API and for names that every libc has', () => {
    const wanted = dynamicSymbols(path)
      .filter((symbol) => !symbol.isDefined && !symbol.isWeak)
      .map((symbol) => symbol.name);
    expect(wanted).toContain('recvmsg');
    expect(wanted.filter((name) => !name.startsWith('napi_') && !libcNames.includes(name))).toEqual(
      [],
    );
  });

  test('makes only the system calls that have injected faults', () => {
    const rows = [...questionRows, ...counterRows, ...eventRows, ...markRows];
    const faulty = rows.flatMap(({ faults }) => faults('EIO').map(({ call }) => call));
    expect([...new Set(faulty)].toSorted()).toEqual(systemCalls);
    // It reads the clock without a system call, has memory from malloc, and reaps only for `run`.
    const harmless =
      /^(__errno_location|abort|clock_gettime|free|inet_ntop|malloc|mem\w+|snprintf|strlen|waitid)$/;
    expect(libcNames.filter((name) => !harmless.test(name))).toEqual(systemCalls);
  });

  test('can do without libuv, and wants nothing else by chance', () => {
    const weak = dynamicSymbols(path).filter((symbol) => symbol.isWeak);
    expect(weak.map((symbol) => symbol.name)).toContain('uv_poll_init');
    expect(
      weak.filter(
        (symbol) => !/^uv_(poll|timer|update_time|hrtime|handle|unref|close)/.test(symbol.name),
      ),
    ).toEqual([]);
  });

  test('offers only the entry points of Node-API', () => {
    expect(definedIn(path).sort()).toEqual(nodeApiEntryPoints);
  });

  test('is stripped and small', () => {
    expect(readelf('--sections', path)).not.toMatch(/\.(symtab|debug)/);
    expect(statSync(path).size).toBeLessThan(limit);
  });
});
