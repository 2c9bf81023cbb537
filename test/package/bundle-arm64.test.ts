import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { type MadeBundle, makeBundle } from '../support/bundle.ts';
import { type CliOptions, startCli, startWait } from '../support/cli.ts';
import { runningArm64 } from '../support/emulated.ts';
import { it } from '../support/test.ts';

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
const at = '/opt/buildkit-drain';

// Where it is at home, bundle.test.ts runs it.
describe.skipIf(process.arch !== 'x64')('the folder for arm64, under qemu,', () => {
  const emulation = runningArm64();
  let bundle: MadeBundle;
  beforeAll(() => {
    bundle = makeBundle('arm64');
  }, 300_000);
  afterAll(() => {
    bundle.remove();
  }, 300_000);

  function inEmptyRoot(): CliOptions {
    const root = bundle.emptyRoot(at);
    mkdirSync(join(root, 'proc'));
    const withProc = ['sh', '-c', 'mount --rbind /proc "$0/proc" && exec "$@"', root];
    return {
      through: [...(emulation ?? []), ...withProc, 'chroot', root],
      program: [`${at}/buildkit-drain`],
    };
  }

  it('has a loader, a Node.js and libraries that fit each other', () => {
    const runtime = join(bundle.folder, 'runtime');
    const loader = [join(runtime, 'ld-linux-aarch64.so.1'), '--library-path', runtime];
    const program = [join(runtime, 'node'), join(bundle.folder, 'dist/bin/buildkit-drain.cjs')];
    const { stdout, stderr } = spawnSync(
      'qemu-aarch64-static',
      [...loader, ...program, '--version'],
      { encoding: 'utf8' },
    );
    expect(stderr).toBe('');
    expect(stdout).toBe(`${version}\n`);
  });

  it('has the code that its V8 has compiled before', () => {
    const runtime = join(bundle.folder, 'runtime');
    const loader = [join(runtime, 'ld-linux-aarch64.so.1'), '--library-path', runtime];
    const starter = join(bundle.folder, 'dist/bin/start.cjs');
    const node = [
      join(runtime, 'node'),
      '--require',
      resolve('test/support/say-code.cjs'),
      starter,
    ];
    const { stdout } = spawnSync('qemu-aarch64-static', [...loader, ...node, '--version'], {
      encoding: 'utf8',
    });
    expect(stdout).toBe(`taken${version}\n`);
  });

  it.skipIf(emulation === null)('reports the connections', async ({ sandbox, daemon, clients }) => {
    const { address } = await daemon.listen('tcp://127.0.0.1:0');
    await clients.connect(address, 2);
    const args = ['status', '--json', '--builds', 'off', '--addr', address];
    const { stdout, code } = await (await startCli(sandbox, args, inEmptyRoot())).process.ended;
    expect(JSON.parse(stdout)).toMatchObject({
      connections: 2,
      // The addon for arm64 is loaded: it is qemu that knows no sock_diag.
      notices: [{ reason: 'sock_diag: socket failed with EPROTONOSUPPORT' }],
    });
    expect(code).toBe(3);
  });

  it.skipIf(emulation === null)(
    'waits until the last client has left',
    async ({ sandbox, daemon, clients }) => {
      const { address } = await daemon.listen('tcp://127.0.0.1:0');
      const connected = await clients.connect(address);
      const wait = await startWait(sandbox, ['--addr', address], inEmptyRoot());
      await wait.counted(1);
      await clients.leave(connected);
      expect(await wait.ended).toMatchObject({ code: 0, outcome: 'drained' });
    },
  );

  it.skipIf(emulation === null)('installs itself', async ({ sandbox }) => {
    const root = bundle.emptyRoot(at);
    const command = [...(emulation ?? []), 'chroot', root, `${at}/buildkit-drain`];
    const installed = await (await sandbox.start([...command, 'install', '/target'])).ended;
    expect(installed).toMatchObject({ code: 0, stderr: '' });
    const compared = spawnSync('diff', ['--recursive', bundle.folder, join(root, 'target')]);
    expect(compared.status).toBe(0);
  });
});
