import { constants } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect } from 'vitest';
import { startBuildkitd, startClient } from '../support/buildkitd.ts';
import { type Cli, startWait } from '../support/cli.ts';
import { compiled } from '../support/native.ts';
import { run } from '../support/running.ts';
import type { Sandbox, SandboxProcess } from '../support/sandbox.ts';
import { it } from '../support/test.ts';
import { asUser, hasOtherUsers } from '../support/users.ts';
import { waitFor } from '../support/wait-for.ts';

const tcp = 'tcp://127.0.0.1:1234';
const nameServer = fileURLToPath(new URL('../support/name-server.mjs', import.meta.url));

/** A user that no other test counts the processes of. */
const lonelyUser = 54_321;
// Those of Node.js at its start, and one by which Node.js 22 and later read certificates.
const nodeThreads = 8;

/** For `through`: /etc has nothing but these two files. */
function withEtc(hosts: string, resolvConf: string): readonly string[] {
  const mount =
    'mount -t tmpfs none /etc && echo "$0" > /etc/hosts && echo "$1" > /etc/resolv.conf';
  return ['unshare', '--mount', 'sh', '-c', `${mount} && shift && exec "$@"`, hosts, resolvConf];
}

async function startNameServer(
  sandbox: Sandbox,
  ...args: readonly string[]
): Promise<SandboxProcess> {
  const server = await sandbox.start([process.execPath, nameServer, ...args]);
  await server.line(0);
  return server;
}

/** Waits until the log says of this build that it runs, ends it, and expects the wait to see that. */
async function expectToSeeTheEnd(wait: Cli, end: () => Promise<void>): Promise<void> {
  expect((await wait.event('builds'))['builds']).toMatchObject([{ ref: 'of-a-client' }]);
  await end();
  expect(await wait.ended).toMatchObject({ code: 0, outcome: 'drained' });
}

async function openBuild(sandbox: Sandbox) {
  const daemon = await startBuildkitd(sandbox);
  await daemon.listen(tcp);
  const client = await startClient(sandbox, 'build', tcp, { ref: 'of-a-client' });
  await waitFor('the build', async () => (await daemon.builds()).length > 0);
  return {
    end: async () => {
      await daemon.end('of-a-client');
      await client.ended;
    },
  };
}

const asking = ['--builds', 'require', '--timeout', '20s'];

describe.concurrent('a wait', () => {
  it.runIf(hasOtherUsers)('asks by a name where no thread may be started', async ({ sandbox }) => {
    const { end } = await openBuild(sandbox);
    const few = ['prlimit', `--nproc=${nodeThreads}`];
    const through = [...withEtc('127.0.0.1 daemon', ''), ...asUser(lonelyUser), ...few];
    const wait = await startWait(sandbox, ['--addr', 'tcp://daemon:1234', ...asking], { through });
    await expectToSeeTheEnd(wait, end);
  });

  it('resolves a name by DNS, in the search domains of resolv.conf', async ({ sandbox }) => {
    const { end } = await openBuild(sandbox);
    const server = await startNameServer(sandbox, 'daemon.two.test', '127.0.0.1');
    const conf = 'nameserver 127.0.0.1\nsearch one.test two.test\noptions ndots:5';
    const through = withEtc('127.0.0.1 localhost # daemon', conf);
    const wait = await startWait(sandbox, ['--addr', 'tcp://daemon:1234', ...asking], { through });
    await expectToSeeTheEnd(wait, end);
    expect(server.stdout()).toMatch(/^ready\n(daemon\.one\.test\n){2}(daemon\.two\.test\n)/);
  });

  it('reports the builds as unknown when the name does not resolve', async ({ sandbox }) => {
    await openBuild(sandbox);
    await startNameServer(sandbox, 'other.test', '127.0.0.1');
    const through = withEtc('', 'nameserver 127.0.0.1');
    const args = ['--addr', 'tcp://daemon:1234', '--builds', 'require', '--timeout', '2s'];
    const wait = await startWait(sandbox, args, { through });
    const { message } = await wait.event('builds');
    expect(message).toContain('tcp://daemon:1234 cannot be reached: queryA ENOTFOUND daemon');
    expect((await wait.ended).outcome).not.toBe('drained');
  });

  it('is not held after its end by a name server that does not answer', async ({ sandbox }) => {
    await openBuild(sandbox);
    const server = await startNameServer(sandbox, 'silent');
    const through = withEtc('', 'nameserver 127.0.0.1\noptions timeout:60 attempts:1');
    const args = ['--addr', 'tcp://daemon:1234', '--builds', 'require', '--timeout', '2s'];
    const wait = await startWait(sandbox, args, { through });
    await server.line(1);
    const { outcome, logs } = await wait.ended;
    expect(outcome).not.toBe('drained');
    expect(logs.map(({ message }) => message).join('\n')).toContain("for the host's address");
  });

  it('continues without builds while no descriptor can be opened', async ({ sandbox }) => {
    const { end } = await openBuild(sandbox);
    const wait = await startWait(sandbox, ['--addr', tcp, ...asking, '--backend', 'sock-diag']);
    await wait.event('builds');
    const limitFiles = async (count: number): Promise<void> => {
      const prlimit = ['prlimit', `--pid=${wait.process.pid}`, `--nofile=${count}:`];
      expect(await run(prlimit).ended).toMatchObject({ code: 0 });
    };
    await limitFiles(3);
    await end();
    expect(await wait.event('builds', 1)).toMatchObject({
      ...{ builds: null, buildsError: { code: 'EMFILE' } },
    });
    await delay(700);
    expect(wait.process.hasEnded()).toBe(false);
    await limitFiles(1024);
    expect(await wait.ended).toMatchObject({ code: 0, outcome: 'drained' });
  });

  it('needs none of the calls that an old seccomp profile refuses', async ({ sandbox }) => {
    const { end } = await openBuild(sandbox);
    const calls = [
      ...['close_range', 'copy_file_range', 'epoll_pwait2', 'faccessat2', 'io_uring_setup'],
      ...['membarrier', 'openat2', 'pidfd_open', 'pkey_alloc', 'preadv2', 'prlimit64', 'rseq'],
      ...['sched_getaffinity', 'statx'],
    ];
    const through = [compiled('deny'), String(constants.errno.EPERM), ...calls, '--'];
    const wait = await startWait(sandbox, ['--addr', tcp, ...asking], { through });
    await expectToSeeTheEnd(wait, end);
  });

  it('needs no device, and nothing of /etc', async ({ sandbox }) => {
    const { end } = await openBuild(sandbox);
    const script = 'mount -t tmpfs none /dev && mount -t tmpfs none /etc && exec "$0" "$@"';
    const through = ['unshare', '--mount', 'sh', '-c', script];
    const wait = await startWait(sandbox, ['--addr', tcp, ...asking], { through });
    await expectToSeeTheEnd(wait, end);
  });
});
