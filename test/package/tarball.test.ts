import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

// Below the checkout, so that a build from source finds the build tools of the checkout.
const parent = join(root, 'build');

let folder: string;
let packedSize: number;
let server: Server;
let address: string;

function run(command: string, args: string[], cwd: string): string {
  return execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Packs a package as npm would publish it. */
function pack(packageFolder: string): { path: string; size: number } {
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  const [packed] = JSON.parse(run('npm', args, packageFolder));
  return { path: join(folder, packed.filename), size: packed.size };
}

function drainIn(cwd: string, ...args: string[]) {
  const program = join(cwd, 'node_modules/.bin/buildkit-drain');
  return spawnSync(program, [...args, '--addr', address], { cwd, encoding: 'utf8' });
}

const waitArgs = ['wait', '--quiet-period=200ms', '--interval=20ms', '--log-to=stderr'];

beforeAll(async () => {
  mkdirSync(parent, { recursive: true });
  folder = mkdtempSync(join(parent, 'package-'));
  server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const bound = server.address();
  address = `tcp://127.0.0.1:${typeof bound === 'object' ? bound?.port : ''}`;

  // The dependencies come as tarballs too: the tests have no network.
  const own = pack(root);
  packedSize = own.size;
  const others = ['commander', 'node-gyp-build'].map((name) =>
    pack(join(root, 'node_modules', name)),
  );
  const tarballs = [own, ...others].map(({ path }) => path);
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  run('npm', ['install', '--offline', '--no-audit', '--no-fund', ...tarballs], folder);
}, 120_000);

afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('the package, installed from its tarball in an empty folder', () => {
  it('waits, by sock_diag from the prebuilt addon', () => {
    const { status, stderr } = drainIn(folder, ...waitArgs);
    expect(stderr).toContain('"inspector":"sock-diag"');
    expect(stderr).toContain('"outcome":"drained"');
    expect(status).toBe(0);
  });

  it('has what a build from source needs, and no tests and no TypeScript', () => {
    const files = readdirSync(join(folder, 'node_modules/buildkit-drain'), { recursive: true });
    expect(files).toContain('CMakeLists.txt');
    expect(files).toContain('native/addon/addon.cc');
    expect(files).toContain('LICENSE');
    const names = files.map(String).filter((name) => !name.startsWith('node_modules'));
    expect(names.filter((name) => /test/.test(name) || /(?<!\.d)\.ts$/.test(name))).toEqual([]);
  });

  it('has the addon for both CPUs, and is small', () => {
    const prebuilds = join(folder, 'node_modules/buildkit-drain/prebuilds');
    expect(readdirSync(prebuilds, { recursive: true }).map(String).sort()).toEqual([
      ...['linux-arm64', 'linux-arm64/buildkit-drain.node'],
      ...['linux-x64', 'linux-x64/buildkit-drain.node'],
    ]);
    // 341 kB when this was written, of which the two addons are 50 kB. Half as much again is a mistake.
    expect(packedSize).toBeLessThan(512_000);
  });

  it('can be imported, with its types beside it', () => {
    const script = "import('buildkit-drain').then((all) => console.log(Object.keys(all).join()))";
    expect(run(process.execPath, ['-e', script], folder)).toContain('drain');
  });

  describe('without an addon for this machine', () => {
    let bare: string;
    beforeAll(() => {
      bare = mkdtempSync(join(parent, 'package-bare-'));
      cpSync(folder, bare, { recursive: true, verbatimSymlinks: true });
      rmSync(join(bare, 'node_modules/buildkit-drain/prebuilds'), { recursive: true });
    });
    afterAll(() => {
      rmSync(bare, { recursive: true });
    });

    it('waits all the same, by procfs, and says why and what to do', () => {
      const { status, stderr } = drainIn(bare, ...waitArgs);
      expect(stderr).toContain('"inspector":"procfs","passedOver":"sock-diag"');
      expect(stderr).toContain('No native build was found');
      expect(stderr).toContain('npx cmake-js compile -d');
      expect(status).toBe(0);
    });

    it('is blind where it was told to use sock_diag alone', () => {
      const { status, stdout } = drainIn(bare, 'status', '--inspector=sock-diag', '--json');
      expect(JSON.parse(stdout)).toMatchObject({
        connections: null,
        state: 'failed',
        error: expect.stringContaining("the native addon can't be loaded"),
      });
      expect(status).toBe(4);
    });

    it('can be built from the source that it contains', () => {
      const installed = join(bare, 'node_modules/buildkit-drain');
      run(join(root, 'node_modules/.bin/cmake-js'), ['compile', '-d', installed], bare);
      const script = `
        const addon = require('node-gyp-build')(${JSON.stringify(installed)});
        new addon.SockDiag().tcp(1);
        console.log(addon.sourceHash);`;
      const env = { ...process.env, PREBUILDS_ONLY: '' };
      const built = execFileSync(process.execPath, ['-e', script], { cwd: bare, env });
      expect(built.toString()).toMatch(/^[0-9a-f]{64}\n$/);
    }, 120_000);
  });
});
