import { describe, expect } from 'vitest';
import { startCli, startWait } from '../support/cli.ts';
import type { PeerProcess } from '../support/peer-process.ts';
import { it } from '../support/test.ts';

const tcp = 'tcp://127.0.0.1:1234';
const defaultSocket = 'unix:///run/buildkit/buildkitd.sock';

const quick = ['--quiet-period', '500ms', '--interval', '20ms', '--log-to', 'stderr'];

describe.concurrent('wait', () => {
  it.for([
    ['an address', 'tcp://127.0.0.1:1234', '127.0.0.2', tcp, '127.0.0.2'],
    ['a block', 'tcp://127.0.0.1:1234', '127.0.0.2', tcp, '127.0.0.0/30'],
    ['an IPv4 block, of an IPv6 listener', 'tcp://[::]:1234', '127.0.0.2', tcp, '127.0.0.2/31'],
    ['an IPv6 block', 'tcp://[::]:1234', '::1', 'tcp://[::1]:1234', '::/64'],
    ['the second of two', 'tcp://127.0.0.1:1234', '127.0.0.2', tcp, ['10.0.0.0/8', '127.0.0.2']],
  ] as const)(
    'does not wait for a peer that --ignore-peer names by %s',
    async ([, listened, from, to, cidrs], { sandbox, daemon, clients }) => {
      await daemon.listen(listened);
      await clients.connect(to, 2, from);
      const ignored = [cidrs].flat().flatMap((cidr) => ['--ignore-peer', cidr]);
      const wait = await startWait(sandbox, ['--addr', listened, ...ignored]);
      const { code, outcome, logs } = await wait.ended;
      expect({ code, outcome }).toEqual({ code: 0, outcome: 'drained' });
      expect(logs.at(-1)).toMatchObject({ connections: 0, mostConnections: 0 });
    },
  );

  it('waits for a peer that is not ignored', async ({ sandbox, daemon, clients }) => {
    await daemon.listen(tcp);
    await clients.connect(tcp, 2, '127.0.0.2');
    const others = await clients.connect(tcp, 1, '127.0.0.3');
    const wait = await startWait(sandbox, ['--addr', tcp, '--ignore-peer', '127.0.0.2']);
    await wait.counted(1);
    const leftMs = performance.now();
    await clients.leave(others);
    expect(await wait.ended).toMatchObject({ code: 0, outcome: 'drained' });
    expect(performance.now() - leftMs).toBeGreaterThanOrEqual(500);
  });

  it('takes up to --max-connections clients for quiet, and not one more', async ({
    sandbox,
    daemon,
    clients,
  }) => {
    await daemon.listen(tcp);
    const some = await clients.connect(tcp, 3);
    const wait = await startWait(sandbox, ['--addr', tcp, '--max-connections', '2']);
    await wait.counted(3);
    const leftMs = performance.now();
    await clients.leave(some.slice(0, 1));
    const { code, outcome, logs } = await wait.ended;
    expect({ code, outcome }).toEqual({ code: 0, outcome: 'drained' });
    expect(performance.now() - leftMs).toBeGreaterThanOrEqual(500);
    expect(logs.at(-1)).toMatchObject({ connections: 2, mostConnections: 3 });
  });
});

describe.concurrent('wait without --addr', () => {
  it.for([
    ['tcp://0.0.0.0:1234', 'tcp://127.0.0.1:1234'],
    [defaultSocket, defaultSocket],
  ] as const)(
    'waits for %s alone where the other default has no listener',
    async ([address, to], { sandbox, daemon, clients }) => {
      await (await sandbox.start(['mkdir', '/run/buildkit'])).ended;
      await daemon.listen(address);
      const some = await clients.connect(to);
      const wait = await startWait(sandbox, []);
      expect(await wait.counted(1)).toMatchObject({ endpoints: [{ address, listening: true }] });
      await clients.leave(some);
      expect(await wait.ended).toMatchObject({ code: 0, outcome: 'drained' });
    },
  );

  it('waits for both defaults where both have a listener', async ({ sandbox, daemon, clients }) => {
    await (await sandbox.start(['mkdir', '/run/buildkit'])).ended;
    await daemon.listen('tcp://[::]:1234');
    await daemon.listen(defaultSocket);
    const some = await clients.connect('tcp://[::1]:1234');
    const others = await clients.connect(defaultSocket);
    const wait = await startWait(sandbox, []);
    await wait.counted(2);
    await clients.leave(some);
    await wait.counted(1);
    await clients.leave(others);
    expect(await wait.ended).toMatchObject({ code: 0, outcome: 'drained' });
  });

  it('waits for the socket of a rootless daemon too', async ({ sandbox, daemon, clients }) => {
    const address = 'unix:///run/user/1000/buildkit/buildkitd.sock';
    await (await sandbox.start(['mkdir', '-p', '/run/user/1000/buildkit'])).ended;
    await daemon.listen(address);
    const some = await clients.connect(address);
    const env = { XDG_RUNTIME_DIR: '/run/user/1000' };
    const wait = await startWait(sandbox, [], { env });
    await wait.counted(1);
    await clients.leave(some);
    expect(await wait.ended).toMatchObject({ code: 0, outcome: 'drained' });
  });
});

describe.concurrent('wait, by its environment', () => {
  const watched = async (daemon: PeerProcess, clients: PeerProcess): Promise<void> => {
    await daemon.listen('tcp://127.0.0.1:1234');
    await daemon.listen('tcp://127.0.0.1:8372');
    await daemon.listen('tcp://127.0.0.1:12345');
    await clients.connect('tcp://127.0.0.1:1234', 1);
    await clients.connect('tcp://127.0.0.1:8372', 2);
    await clients.connect('tcp://127.0.0.1:12345', 3);
  };

  it.for([
    ['no less than it finds for BUILDKIT_HOST', { BUILDKIT_HOST: 'tcp://127.0.0.1:8372' }, [], 6],
    ['BUILDKIT_DRAIN_ADDR', { BUILDKIT_DRAIN_ADDR: 'tcp://127.0.0.1:8372' }, [], 2],
    [
      'BUILDKIT_DRAIN_ADDR with two',
      { BUILDKIT_DRAIN_ADDR: 'tcp://127.0.0.1:8372, tcp://127.0.0.1:12345' },
      [],
      5,
    ],
    [
      'BUILDKIT_DRAIN_ADDR before BUILDKIT_HOST',
      { BUILDKIT_HOST: 'tcp://127.0.0.1:12345', BUILDKIT_DRAIN_ADDR: 'tcp://127.0.0.1:8372' },
      [],
      2,
    ],
    [
      '--addr before both',
      { BUILDKIT_HOST: 'tcp://127.0.0.1:12345', BUILDKIT_DRAIN_ADDR: 'tcp://127.0.0.1:8372' },
      ['--addr', tcp],
      1,
    ],
    ['an empty BUILDKIT_HOST as none', { BUILDKIT_HOST: '' }, [], 6],
    ["no less than it finds for the script's BUILDKITD_PORT", { BUILDKITD_PORT: '8372' }, [], 6],
    [
      'no BUILDKITD_PORT that Kubernetes has set for a Service',
      { BUILDKITD_PORT: 'tcp://10.0.0.1:8372' },
      [],
      6,
    ],
  ] as const)('takes %s', async ([, env, args, expected], { sandbox, daemon, clients }) => {
    await watched(daemon, clients);
    const wait = await startCli(sandbox, [...args, ...quick, '--timeout', '1ms'], { env });
    const { code, logs } = await wait.ended;
    const started = logs.find(({ event }) => event === 'started');
    expect(started).toMatchObject({ connections: expected });
    expect(code).toBe(3);
  });

  it("takes the script's settings", async ({ sandbox, daemon }) => {
    await daemon.listen(tcp);
    const env = {
      CHECK_FREQUENCY_MS: '50',
      WAIT_UNTIL_NO_BUILDS_SEEN_FOR_X_SECONDS: '1',
      LOG_FORMAT: 'text',
      LOG_PREFIX: '[drain]',
      DEBUG: '1',
    };
    const wait = await startCli(sandbox, [], { env });
    const { code, stderr } = await wait.process.ended;
    expect(code).toBe(0);
    const lines = stderr.split('\n').slice(0, -1);
    const form = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (debug|info ) \[drain\] \S/;
    expect(lines.filter((line) => !form.test(line))).toEqual([]);
    expect(stderr).toContain('debug [drain] Polling tcp://127.0.0.1:1234 by sock-diag.');
    expect(stderr).toMatch(/: no client is connected; quiet for 0s of 1s\.\n/);
    expect(stderr).toMatch(/Drained: no clients for 1s\. Waited \d\S*s, \d+ polls, no client/);
  });

  it('takes its own names, and a flag before them, and them before the script’s', async ({
    sandbox,
    daemon,
  }) => {
    await daemon.listen(tcp);
    const env = {
      BUILDKIT_DRAIN_INTERVAL: '30ms',
      BUILDKIT_DRAIN_QUIET_PERIOD: '1h',
      BUILDKIT_DRAIN_MIN_WAIT: '20ms',
      BUILDKIT_DRAIN_MAX_CONNECTIONS: '7',
      BUILDKIT_DRAIN_ON_UNKNOWN: 'exit',
      BUILDKIT_DRAIN_TIMEOUT: '10m',
      BUILDKIT_DRAIN_LOG_LEVEL: 'debug',
      BUILDKIT_DRAIN_BACKEND: 'procfs',
      BUILDKIT_DRAIN_LOG_PREFIX: 'mine:',
      CHECK_FREQUENCY_MS: '77',
      LOG_PREFIX: 'theirs:',
    };
    const wait = await startCli(sandbox, ['--quiet-period', '100ms', '--addr', tcp], { env });
    const { code, logs } = await wait.ended;
    expect(code).toBe(0);
    expect(logs[0]).toMatchObject({
      level: 'debug',
      event: 'backend-chosen',
      backend: 'procfs',
    });
    expect(logs[1]).toMatchObject({
      event: 'started',
      message: expect.stringMatching(/^mine: Waiting/),
      settings: {
        intervalMs: 30,
        quietPeriodMs: 100,
        timeoutMs: 600_000,
        minWaitMs: 20,
        maxConnections: 7,
        onUnknown: 'exit',
      },
    });
  });
});
