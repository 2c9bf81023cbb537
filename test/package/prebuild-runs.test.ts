import { fileURLToPath } from 'node:url';
import { describe, expect } from 'vitest';
import { cliPath, startCli, startWait } from '../support/cli.ts';
import type { Client, PeerProcess } from '../support/peer-process.ts';
import type { Ended } from '../support/running.ts';
import { bunOnMusl, nodeOnArm64 } from '../support/runtimes.ts';
import type { Sandbox } from '../support/sandbox.ts';
import { it } from '../support/test.ts';
import { waitFor } from '../support/wait-for.ts';

const prebuilds = fileURLToPath(new URL('../../prebuilds', import.meta.url));
const [arm64, x64] = ['arm64', 'x64'].map((cpu) => `${prebuilds}/linux-${cpu}/buildkit-drain.node`);

const tcp = 'tcp://127.0.0.1:1234';
const unix = 'unix:///run/buildkitd.sock';
const both = ['--addr', tcp, '--addr', unix];

async function connectToBoth(
  daemon: PeerProcess,
  clients: PeerProcess,
): Promise<readonly Client[]> {
  await daemon.listen(tcp);
  await daemon.listen(unix);
  return [...(await clients.connect(tcp)), ...(await clients.connect(unix))];
}

function untilNobody(daemon: PeerProcess): Promise<unknown> {
  return waitFor('a daemon without clients', async () => (await daemon.accepted()).length === 0);
}

/** What a script prints, to which `addon` is the addon. */
async function told(
  sandbox: Sandbox,
  node: readonly string[],
  addon: string | undefined,
  script: string,
): Promise<unknown> {
  const load = `const addon = require(${JSON.stringify(addon)});`;
  const { ended } = await sandbox.start([...node, '-e', `${load} console.log(${script})`]);
  const { stdout, stderr } = await ended;
  expect(stderr).toBe('');
  return JSON.parse(stdout);
}

async function status(
  sandbox: Sandbox,
  node: readonly string[],
  ...args: readonly string[]
): Promise<Ended> {
  const started = await startCli(sandbox, ['status', '--builds=off', ...both, ...args], {
    program: [...node, cliPath],
  });
  return started.process.ended;
}

function json({ stdout }: Ended): unknown {
  return JSON.parse(stdout);
}

/** How `status --json` shows the clients of `connectToBoth`. */
function shownBy(backend: string, [atTcp, atUnix]: readonly Client[]): object {
  return {
    connections: 2,
    clients: [
      { endpoint: tcp, peer: atTcp?.name },
      // /proc/net/unix does not tell the peer.
      { endpoint: unix, peer: backend === 'procfs' ? null : atUnix?.name },
    ],
    endpoints: [
      { address: tcp, backend, listening: true },
      { address: unix, backend, listening: true },
    ],
  };
}

// What test/runtimes has is for such a machine.
const isX64 = process.arch === 'x64';

const refusal = 'sock_diag: socket failed with EPROTONOSUPPORT';

// One after the other, and with patience: a busy machine makes an emulated Node.js slow to start.
describe.runIf(isX64)('the addon for arm64, under qemu', { timeout: 120_000 }, () => {
  it('loads in Node.js, and reaches the kernel', async ({ sandbox }) => {
    const script = `JSON.stringify([process.arch, Object.keys(addon), (() => {
      try { return new addon.SockDiag().tcp(1234); } catch ({ errno, syscall }) { return { errno, syscall }; }
    })()])`;
    expect(await told(sandbox, nodeOnArm64, arm64, script)).toEqual([
      'arm64',
      [
        'sourceHash',
        'SockDiag',
        'TcpTracker',
        'UnixTracker',
        'PollLoop',
        'listenAbstract',
        'closeAbstract',
        'reapOrphans',
      ],
      { errno: -93, syscall: 'socket' },
    ]);
  });

  it('status counts by procfs, and says why', async ({ sandbox, daemon, clients }) => {
    const some = await connectToBoth(daemon, clients);
    const busy = await status(sandbox, nodeOnArm64, '--json');
    expect(busy.code).toBe(3);
    expect(json(busy)).toMatchObject(shownBy('procfs', some));
    await clients.leave(some);
    await untilNobody(daemon);
    const idle = await status(sandbox, nodeOnArm64);
    const skipped = `by procfs, not by sock-diag: ${refusal}.`;
    expect(idle).toMatchObject({
      code: 0,
      stdout: `No client is connected to ${tcp} and ${unix}.\n`,
      stderr: [tcp, unix]
        .map((address) => `buildkit-drain: Polling ${address} ${skipped}\n`)
        .join(''),
    });
  });

  it('status reports unknown with --backend sock-diag', async ({ sandbox, daemon }) => {
    await daemon.listen(tcp);
    await daemon.listen(unix);
    const blind = await status(sandbox, nodeOnArm64, '--backend=sock-diag', '--json');
    expect(blind.code).toBe(4);
    expect(json(blind)).toMatchObject({
      connections: null,
      error: { message: expect.stringContaining(refusal) },
    });
  });

  it('wait holds for a client until it leaves, and says by what', async ({
    sandbox,
    daemon,
    clients,
  }) => {
    const some = await connectToBoth(daemon, clients);
    const wait = await startWait(sandbox, both, { program: [...nodeOnArm64, cliPath] });
    await wait.counted(2);
    for (const n of [0, 1]) {
      const chosen = { level: 'warn', backend: 'procfs', skipped: 'sock-diag' };
      expect(await wait.event('backend-chosen', n)).toMatchObject({ ...chosen, reason: refusal });
    }
    await clients.leave(some);
    expect(await wait.ended).toMatchObject({ code: 0, outcome: 'drained' });
  });

  it('wait exits 3 at its deadline with a client', async ({ sandbox, daemon, clients }) => {
    await connectToBoth(daemon, clients);
    const args = [...both, '--timeout=1s'];
    const wait = await startWait(sandbox, args, { program: [...nodeOnArm64, cliPath] });
    expect(await wait.ended).toMatchObject({ code: 3, outcome: 'timed-out' });
  });
});

describe.runIf(isX64)('the addon for x64, under musl', { concurrent: true }, () => {
  it('loads, and sees listeners and connections by sock_diag', async ({
    sandbox,
    daemon,
    clients,
  }) => {
    const [client] = await connectToBoth(daemon, clients);
    const script = `JSON.stringify({
      libcs: require('fs').readFileSync('/proc/self/maps', 'utf8').match(/\\S*\\/(ld|libc)[-.].*/g),
      tcp: new addon.SockDiag().tcp(1234).map((one) => [one.state, one.peerAddress, one.peerPort]),
      unix: new addon.SockDiag().unix(Buffer.from('/run/buildkitd.sock')).accepted.length,
    })`;
    const seen = (await told(sandbox, bunOnMusl(sandbox), x64, script)) as Record<string, unknown>;
    const [, address, port] = /(.*):(.*)/.exec(client?.name ?? '') ?? [];
    expect(new Set(seen['libcs'] as string[])).toEqual(
      new Set(['/usr/lib/x86_64-linux-musl/libc.so']),
    );
    expect((seen['tcp'] as unknown[]).sort()).toEqual([
      ['established', address, Number(port)],
      ['listen', '0.0.0.0', 0],
    ]);
    expect(seen['unix']).toBe(1);
  });

  it('refuses receivers that are not its own, and what needs libuv', async ({ sandbox }) => {
    const script = `JSON.stringify([{}, new Map(), new addon.TcpTracker(1), null].map((other) => {
      try { return addon.SockDiag.prototype.tcp.call(other, 1); } catch (error) { return error.message; }
    }).concat(new addon.TcpTracker(1).onDestroyed(() => {})))`;
    const wrongReceiver = 'Expected a SockDiag as the receiver of its methods';
    expect(await told(sandbox, bunOnMusl(sandbox), x64, script)).toEqual([
      ...Array(4).fill(wrongReceiver),
      false,
    ]);
  });

  it('status counts by sock_diag', async ({ sandbox, daemon, clients }) => {
    const some = await connectToBoth(daemon, clients);
    const bun = bunOnMusl(sandbox);
    const busy = await status(sandbox, bun, '--json');
    expect(busy).toMatchObject({ code: 3, stderr: '' });
    expect(json(busy)).toMatchObject(shownBy('sock-diag', some));
    await clients.leave(some);
    await untilNobody(daemon);
    expect(await status(sandbox, bun)).toMatchObject({ code: 0, stderr: '' });
  });

  it('wait keeps track without the help of libuv, which Bun does not have', async ({
    sandbox,
    daemon,
    clients,
  }) => {
    const some = await connectToBoth(daemon, clients);
    const wait = await startWait(sandbox, both, { program: [...bunOnMusl(sandbox), cliPath] });
    expect((await wait.event('started'))['endpoints']).toMatchObject([
      { backend: 'sock-diag', listening: true },
      { backend: 'sock-diag', listening: true },
    ]);
    await wait.counted(2);
    await clients.leave(some);
    expect(await wait.ended).toMatchObject({ code: 0, outcome: 'drained' });
  });
});
