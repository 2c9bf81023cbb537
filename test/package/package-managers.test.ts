import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Counted, consumers } from '../support/consumers.ts';
import { type Packed, packAll } from '../support/installed.ts';

interface Manager {
  readonly command: readonly string[];
  /** What installs with neither network nor lock file. */
  readonly install: readonly string[];
  /** What begins a command line of a program that is installed, or of Node.js. */
  readonly exec: readonly string[];
  /** What makes it take these tarballs for dependencies of dependencies. */
  readonly overrides: (dependencies: Packed['dependencies']) => {
    readonly manifest?: object;
    readonly workspace?: string;
  };
}

const managers: Readonly<Record<string, Manager>> = {
  npm: {
    command: ['npm'],
    install: ['install', '--offline', '--no-audit', '--no-fund'],
    exec: ['exec', '--offline', '--'],
    overrides: (overrides) => ({ manifest: { overrides } }),
  },
  pnpm: {
    command: [join(consumers, 'node_modules/.bin/pnpm')],
    install: ['install', '--offline'],
    exec: ['exec'],
    overrides: (dependencies) => ({ workspace: JSON.stringify({ overrides: dependencies }) }),
  },
  // With Plug'n'Play, its default: there is no node_modules.
  yarn: {
    command: [process.execPath, join(consumers, 'node_modules/@yarnpkg/cli-dist/bin/yarn.js')],
    install: ['install', '--no-immutable'],
    exec: ['exec'],
    overrides: (resolutions) => ({ manifest: { resolutions } }),
  },
};

let folder: string;
let packed: Packed;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'package-managers-'));
  packed = packAll(folder);
}, 120_000);
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe.each(Object.entries(managers))('%s', (name, { command, install, exec, overrides }) => {
  function run(...args: readonly string[]): string {
    const [program = '', ...words] = [...command, ...args];
    const env = { ...process.env, HOME: join(folder, 'home'), YARN_ENABLE_TELEMETRY: '0' };
    return execFileSync(program, words, {
      ...{ cwd: join(folder, name), encoding: 'utf8', stdio: 'pipe' },
      env,
    });
  }

  beforeAll(() => {
    mkdirSync(join(folder, name));
    const dependencies = { 'buildkit-drain': `file:${packed.own}` };
    const others = Object.entries(packed.dependencies).map(([each, path]) => [
      each,
      `file:${path}`,
    ]);
    const { manifest, workspace } = overrides(Object.fromEntries(others));
    const write = (file: string, text: string): void =>
      writeFileSync(join(folder, name, file), text);
    write('package.json', JSON.stringify({ private: true, dependencies, ...manifest }));
    write('pnpm-workspace.yaml', workspace ?? '{}');
    write('yarn.lock', '');
    copyFileSync(join(consumers, 'count.mjs'), join(folder, name, 'count.mjs'));
    run(...install);
  });

  it('installs a library that counts by the addon', () => {
    const counted = JSON.parse(run(...exec, 'node', 'count.mjs')) as Counted;
    expect(counted).toEqual({ count: 1, backend: 'sock-diag', skipped: null });
  });

  it('installs the command', () => {
    expect(run(...exec, 'buildkit-drain', '--version')).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
