import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
// @ts-expect-error It has no types.
import { pages, withAbsoluteLinks } from '../../scripts/release/package.mjs';
import { type Installed, installPackage } from '../support/installed.ts';

let folder: string;
let installed: Installed;
let server: Server;
let address: string;

function drainIn(cwd: string, ...args: string[]) {
  const program = join(cwd, 'node_modules/.bin/buildkit-drain');
  return spawnSync(program, [...args, '--addr', address], { cwd, encoding: 'utf8' });
}

const waitArgs = ['wait', '--quiet-period=200ms', '--interval=20ms', '--log-to=stderr'];

beforeAll(async () => {
  server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const bound = server.address();
  address = `tcp://127.0.0.1:${typeof bound === 'object' ? bound?.port : ''}`;
  installed = installPackage();
  folder = installed.folder;
}, 120_000);

afterAll(() => {
  server.close();
  installed?.remove();
});

describe('the package, installed from its tarball in an empty folder', () => {
  it('waits, by sock_diag from the prebuilt addon', () => {
    const { status, stderr } = drainIn(folder, ...waitArgs);
    expect(stderr).toContain('"backend":"sock-diag"');
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

  it.each(pages as string[])('has links in %s that lead to the repository', (page) => {
    const packed = readFileSync(join(folder, 'node_modules/buildkit-drain', page), 'utf8');
    expect(packed).toBe(withAbsoluteLinks(readFileSync(page, 'utf8')));
  });

  it('has the addon for both CPUs, and is small', () => {
    const prebuilds = join(folder, 'node_modules/buildkit-drain/prebuilds');
    expect(readdirSync(prebuilds, { recursive: true }).map(String).sort()).toEqual([
      ...['linux-arm64', 'linux-arm64/buildkit-drain.node'],
      ...['linux-x64', 'linux-x64/buildkit-drain.node'],
    ]);
    // 525 kB when this was written, of which the two addons are 50 kB and the source map 80 kB. Half as much again is a mistake.
    expect(installed.packedBytes).toBeLessThan(768_000);
  });

  it('can be imported, with its types beside it', () => {
    const script = "import('buildkit-drain').then((all) => console.log(Object.keys(all).join()))";
    const { stdout } = spawnSync(process.execPath, ['-e', script], {
      cwd: folder,
      encoding: 'utf8',
    });
    expect(stdout).toContain('waitForDrain');
  });

  // Node.js 20.17 has only import() for that.
  it.runIf('require_module' in process.features)('can be required', () => {
    const script = "console.log(Object.keys(require('buildkit-drain')).join())";
    const { stdout } = spawnSync(process.execPath, ['-e', script], {
      cwd: folder,
      encoding: 'utf8',
    });
    expect(stdout).toContain('waitForDrain');
  });

  describe('without an addon for this machine', () => {
    beforeAll(() => {
      rmSync(join(folder, 'node_modules/buildkit-drain/prebuilds'), { recursive: true });
    });

    it('waits all the same, by procfs, and says why and what to do', () => {
      const { status, stderr } = drainIn(folder, ...waitArgs);
      expect(stderr).toContain('"backend":"procfs","skipped":"sock-diag"');
      expect(stderr).toContain(`there is none for linux-${process.arch} in the package`);
      expect(stderr).toContain('npx cmake-js compile -d');
      expect(status).toBe(0);
    });

    it('reports unknown with --backend sock-diag', () => {
      const { status, stdout } = drainIn(folder, 'status', '--backend=sock-diag', '--json');
      expect(JSON.parse(stdout)).toMatchObject({
        connections: null,
        state: 'failed',
        error: { message: expect.stringContaining("the native addon can't be loaded") },
      });
      expect(status).toBe(4);
    });
  });
});
