import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Installed, installPackage } from '../support/installed.ts';

const cmakeJs = fileURLToPath(new URL('../../node_modules/.bin/cmake-js', import.meta.url));

let installed: Installed;
beforeAll(() => {
  installed = installPackage();
}, 120_000);
afterAll(() => installed?.remove());

it('the package, installed without an addon, can be built from the source that it contains', () => {
  const { folder } = installed;
  const installedPackage = join(folder, 'node_modules/buildkit-drain');
  rmSync(join(installedPackage, 'prebuilds'), { recursive: true });
  // Node.js has its headers beside it: the tests have no network to get them from.
  const env = { npm_config_nodedir: dirname(dirname(process.execPath)), ...process.env };
  execFileSync(cmakeJs, ['compile', '-d', installedPackage], { cwd: folder, env, stdio: 'pipe' });
  const script = `
    import('buildkit-drain').then(({ openBackend, parseEndpoint }) => {
      const open = openBackend('sock-diag').open(parseEndpoint('tcp://127.0.0.1:1'));
      console.log(open.poll().listenerInodes);
    });`;
  const polled = execFileSync(process.execPath, ['-e', script], {
    cwd: folder,
    env: { ...process.env, PREBUILDS_ONLY: '' },
  });
  expect(polled.toString()).toBe('[]\n');
}, 120_000);
