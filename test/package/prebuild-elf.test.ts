import { execFileSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const prebuilds = fileURLToPath(new URL('../../prebuilds', import.meta.url));

/** What the addon may ask of the process that loads it, next to Node-API: names that glibc and musl both have. */
const libcNames = [
  '__errno_location',
  'abort',
  'bind',
  'clock_gettime',
  'close',
  'free',
  'inet_ntop',
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

function dynamicSymbols(path: string): DynamicSymbol[] {
  // Num: Value Size Type Bind Vis Ndx Name
  const rows = [
    ...readelf('--dyn-syms', path).matchAll(/^ +\d+: (?:\S+ +){3}(\S+) +\S+ +(\S+) +(\S+)$/gm),
  ];
  return rows.map(([, binding = '', section = '', name = '']) => ({
    name,
    isDefined: section !== 'UND',
    isWeak: binding === 'WEAK',
  }));
}

const files = readdirSync(prebuilds, { recursive: true, encoding: 'utf8' }).filter((path) =>
  path.endsWith('.node'),
);

test('there is one untagged file per CPU, which serves glibc and musl', () => {
  expect(files).toContain('linux-x64/buildkit-drain.node');
  expect(files.filter((file) => !/^linux-(x64|arm64)\/buildkit-drain\.node$/.test(file))).toEqual(
    [],
  );
});

describe.each(files)('%s', (file) => {
  const path = `${prebuilds}/${file}`;

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

  test('can do without libuv, and wants nothing else by chance', () => {
    const weak = dynamicSymbols(path).filter((symbol) => symbol.isWeak);
    expect(weak.map((symbol) => symbol.name)).toContain('uv_poll_init');
    expect(weak.filter((symbol) => !/^uv_(poll|handle|unref|close)/.test(symbol.name))).toEqual([]);
  });

  test('offers only the entry points of Node-API', () => {
    const offered = dynamicSymbols(path)
      .filter((symbol) => symbol.isDefined)
      .map((symbol) => symbol.name);
    expect(offered.sort()).toEqual(nodeApiEntryPoints);
  });

  test('is stripped and small', () => {
    expect(readelf('--sections', path)).not.toMatch(/\.(symtab|debug)/);
    expect(statSync(path).size).toBeLessThan(64 * 1024);
  });
});
