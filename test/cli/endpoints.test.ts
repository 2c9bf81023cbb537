import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { type CliOptions, startCli, startWait } from '../support/cli.ts';
import { type PeerProcess, startClients, startDaemon } from '../support/peer-process.ts';
import { ownPid } from '../support/pids.ts';
import { run } from '../support/running.ts';
import type { Sandbox } from '../support/sandbox.ts';
import { it } from '../support/test.ts';
import { asNobody, hasOtherUsers, withoutCapabilities } from '../support/users.ts';
import { waitFor } from '../support/wait-for.ts';

const patient = ['--quiet-period', '1h', '--timeout', '1h'];

interface Shown {
  readonly connections: number | null;
  readonly addresses: readonly string[];
  readonly backends: readonly (string | null)[];
  readonly code: number | null;
}

/** What `status --json` says. */
async function shown(
  sandbox: Sandbox,
  args: readonly string[] = [],
  options: CliOptions = {},
): Promise<Shown> {
  const status = await startCli(sandbox, ['status', '--json', ...args], options);
  const { code, stdout, stderr } = await status.process.ended;
  if (stdout === '') {
    throw new Error(`status has said nothing but: ${stderr}`);
  }
  const { connections, endpoints } = JSON.parse(stdout) as {
    connections: number | null;
    endpoints: readonly { address: string; backend: string | null }[];
  };
  return {
    connections,
    addresses: endpoints.map(({ address }) => address),
    backends: endpoints.map(({ backend }) => backend),
    code,
  };
}

describe.concurrent('the endpoints of a running daemon', () => {
  it('are found on any port and path, each with its clients', async ({
    sandbox,
    daemon,
    clients,
  }) => {
    const odd = 'unix:///run/odd \u001b[31m.sock';
    for (const address of ['tcp://127.0.0.1:8372', 'tcp://[::]:12345', odd]) {
      await daemon.listen(address);
    }
    await clients.connect('tcp://127.0.0.1:8372', 1);
    await clients.connect('tcp://[::1]:12345', 2);
    await clients.connect(odd, 3);
    expect(await shown(sandbox)).toEqual({
      connections: 6,
      addresses: ['tcp://127.0.0.1:8372', 'tcp://[::]:12345', 'unix:///run/odd ?[31m.sock'],
      backends: ['sock-diag', 'sock-diag', 'sock-diag'],
      code: 3,
    });
  });

  it('are named in the log, with the process', async ({ sandbox, daemon }) => {
    await daemon.listen('tcp://127.0.0.1:8372');
    await daemon.listen('unix:///run/odd.sock');
    const wait = await startWait(sandbox, []);
    const pid = Number(ownPid(daemon.process));
    const { logs, code } = await wait.ended;
    expect(code).toBe(0);
    expect(logs[0]).toMatchObject({
      level: 'info',
      event: 'daemon-found',
      pid,
      addresses: ['tcp://127.0.0.1:8372', 'unix:///run/odd.sock'],
      message: `Found buildkitd (pid ${pid}), which listens on tcp://127.0.0.1:8372 and unix:///run/odd.sock.`,
    });
    expect(logs.filter(({ level }) => level === 'warn')).toEqual([]);
  });

  it('are written as on its command line, and the log names those it does not listen on', async ({
    sandbox,
  }) => {
    const args = ['--debug', '--addr', 'tcp://0.0.0.0:8372', '-addr=unix:///run/missing.sock'];
    const daemon = await startDaemon(sandbox, { args });
    await daemon.listen('tcp://[::]:8372');
    const wait = await startWait(sandbox, []);
    const { logs } = await wait.ended;
    expect(logs[0]).toMatchObject({ addresses: ['tcp://0.0.0.0:8372'] });
    expect(logs[1]).toMatchObject({
      level: 'warn',
      event: 'address-not-listening',
      addresses: ['unix:///run/missing.sock'],
    });
    expect(logs.at(-1)).toMatchObject({ outcome: 'drained' });
  });

  it('are not those of its debug and trace listeners, by its command line', async ({
    sandbox,
    clients,
  }) => {
    const args = ['--debugaddr', '127.0.0.1:6060', '--otel-socket-path=/run/traces.sock'];
    const daemon = await startDaemon(sandbox, { args });
    for (const address of ['tcp://127.0.0.1:6060', 'unix:///run/traces.sock']) {
      await daemon.listen(address);
      await clients.connect(address);
    }
    await daemon.listen('tcp://127.0.0.1:8372');
    expect(await shown(sandbox)).toMatchObject({
      connections: 0,
      addresses: ['tcp://127.0.0.1:8372'],
      code: 0,
    });
  });

  it('are not those of its debug and trace listeners, by its file', async ({
    sandbox,
    clients,
  }) => {
    const config = join(sandbox.directory, 'buildkitd.toml');
    writeFileSync(
      config,
      [
        '[grpc]',
        'address = ["tcp://localhost:8372"]',
        'debugAddress = "unix:///run/debug.sock"',
        '[otel]',
        'socketPath = "/run/traces.sock"',
      ].join('\n'),
    );
    const daemon = await startDaemon(sandbox, { args: ['--config', config] });
    for (const address of ['unix:///run/debug.sock', 'unix:///run/traces.sock']) {
      await daemon.listen(address);
      await clients.connect(address);
    }
    await daemon.listen('tcp://127.0.0.1:8372');
    expect(await shown(sandbox)).toMatchObject({
      connections: 0,
      addresses: ['tcp://localhost:8372'],
      code: 0,
    });
  });

  it('are those of every daemon found', async ({ sandbox, daemon, clients }) => {
    const other = await startDaemon(sandbox);
    await daemon.listen('tcp://127.0.0.1:8372');
    await other.listen('tcp://127.0.0.1:12345');
    await other.listen('unix:///run/other.sock');
    await clients.connect('tcp://127.0.0.1:8372', 1);
    await clients.connect('tcp://127.0.0.1:12345', 2);
    const { connections, addresses } = await shown(sandbox);
    expect(connections).toBe(3);
    expect([...addresses].sort()).toEqual([
      'tcp://127.0.0.1:12345',
      'tcp://127.0.0.1:8372',
      'unix:///run/other.sock',
    ]);
  });

  it('are one where several listeners share a port', async ({ sandbox, daemon, clients }) => {
    await daemon.listen('tcp://127.0.0.1:8372');
    await daemon.listen('tcp://[::1]:8372');
    await clients.connect('tcp://127.0.0.1:8372');
    await clients.connect('tcp://[::1]:8372');
    expect(await shown(sandbox)).toMatchObject({ connections: 2, addresses: [expect.any(String)] });
  });

  it('include the port of the script, if it has a listener', async ({
    sandbox,
    daemon,
    clients,
  }) => {
    const beside = await startClients(sandbox);
    await daemon.listen('tcp://127.0.0.1:8372');
    await beside.listen('tcp://127.0.0.1:12345');
    await clients.connect('tcp://127.0.0.1:12345');
    expect(await shown(sandbox, [], { env: { BUILDKITD_PORT: '12345' } })).toMatchObject({
      connections: 1,
      addresses: ['tcp://127.0.0.1:8372', 'tcp://0.0.0.0:12345'],
    });
    expect(await shown(sandbox, [], { env: { BUILDKITD_PORT: '8372' } })).toMatchObject({
      connections: 0,
      addresses: ['tcp://127.0.0.1:8372'],
    });
  });

  it.for([
    [
      'is no TOML',
      (path: string) => writeFileSync(path, '[grpc\naddress = secret'),
      'not TOML (line 1',
    ],
    ['is huge', (path: string) => writeFileSync(path, '#'.repeat(300_000)), 'longer than'],
    ['is not there', () => {}, 'ENOENT'],
    ['is a link to itself', (path: string) => symlinkSync(path, path), 'circle'],
    ['is a device', (path: string) => symlinkSync('/dev/zero', path), 'no regular file'],
  ] as const)(
    'are found although its file %s, and the log says so',
    async ([, write, reason], { sandbox }) => {
      const config = join(sandbox.directory, 'buildkitd.toml');
      write(config);
      const daemon = await startDaemon(sandbox, { args: [`--config=${config}`] });
      await daemon.listen('tcp://127.0.0.1:8372');
      const wait = await startWait(sandbox, []);
      const { logs, code } = await wait.ended;
      expect(code).toBe(0);
      const notice = logs.find(({ event }) => event === 'config-unreadable');
      expect(notice).toMatchObject({ level: 'warn', path: config });
      expect(notice?.message).toContain(reason);
      expect(notice?.message).not.toContain('secret');
    },
  );

  it('are found although its file is a FIFO without a writer', async ({ sandbox }) => {
    const config = join(sandbox.directory, 'fifo');
    await run(['mkfifo', config]).ended;
    const daemon = await startDaemon(sandbox, { args: ['--config', config] });
    await daemon.listen('tcp://127.0.0.1:8372');
    expect(await shown(sandbox)).toMatchObject({ connections: 0, code: 0 });
  });

  it('are found although its command line is unusual', async ({ sandbox }) => {
    const args = [
      '--addr',
      '',
      '-addr=\n\u001b',
      '--addr=tcp://',
      '--debugaddr',
      '--addr',
      '---addr',
    ];
    const daemon = await startDaemon(sandbox, { args });
    await daemon.listen('tcp://127.0.0.1:8372');
    expect(await shown(sandbox)).toMatchObject({
      connections: 0,
      addresses: ['tcp://127.0.0.1:8372'],
    });
  });
});

describe.concurrent('--pid', () => {
  it('finds the endpoints of a daemon of another name, and follows it', async ({
    sandbox,
    clients,
  }) => {
    const builder = await startDaemon(sandbox, { name: 'builder' });
    await builder.listen('tcp://127.0.0.1:8372');
    await clients.connect('tcp://127.0.0.1:8372');
    const pid = ownPid(builder.process);
    const wait = await startWait(sandbox, ['--pid', pid, ...patient]);
    expect(await wait.counted(1)).toMatchObject({
      endpoints: [{ address: 'tcp://127.0.0.1:8372' }],
    });
    expect(wait.logs()[0]?.message).toBe(`Process ${pid} listens on tcp://127.0.0.1:8372.`);
    await builder.kill();
    expect(await wait.ended).toMatchObject({ code: 0, outcome: 'gone' });
  });

  it('leaves out other daemons', async ({ sandbox, daemon, clients }) => {
    const other = await startDaemon(sandbox);
    await daemon.listen('tcp://127.0.0.1:8372');
    await other.listen('tcp://127.0.0.1:12345');
    await clients.connect('tcp://127.0.0.1:12345');
    expect(await shown(sandbox, ['--pid', ownPid(daemon.process)])).toMatchObject({
      connections: 0,
      addresses: ['tcp://127.0.0.1:8372'],
    });
  });

  it('with --addr ends with that daemon', async ({ sandbox, daemon }) => {
    const other = await startClients(sandbox);
    await daemon.listen('tcp://127.0.0.1:8372');
    const args = ['--addr', 'tcp://127.0.0.1:8372', '--pid', ownPid(other.process)];
    const wait = await startWait(sandbox, [...args, ...patient]);
    await wait.counted(0);
    await daemon.kill();
    await wait.event('listener-gone');
    expect(wait.process.hasEnded()).toBe(false);
    await other.kill();
    expect(await wait.ended).toMatchObject({ code: 0, outcome: 'gone' });
  });

  it.for(['4194304', '4194303'])(
    'of no process exits 2 and says so: %s',
    async (pid, { sandbox }) => {
      const wait = await startWait(sandbox, ['--pid', pid]);
      const { code, stderr } = await wait.process.ended;
      expect(code).toBe(2);
      expect(stderr).toContain(
        `--pid: expected the pid of a running process but received "${pid}"`,
      );
    },
  );
});

describe.concurrent('a daemon in another network namespace', () => {
  const lonely = ['unshare', '--net', 'sh', '-c', 'ip link set lo up && exec "$0" "$@"'];
  const tcp = 'tcp://127.0.0.1:1234';
  const unix = 'unix:///run/buildkit.sock';

  async function setUp(
    sandbox: Sandbox,
  ): Promise<{ daemon: PeerProcess; near: PeerProcess; far: PeerProcess }> {
    const daemon = await startDaemon(sandbox, { through: lonely });
    await daemon.listen(tcp);
    await daemon.listen(unix);
    const network = `--net=/proc/${ownPid(daemon.process)}/ns/net`;
    const near = await startClients(sandbox, { through: ['nsenter', network] });
    return { daemon, near, far: await startClients(sandbox) };
  }

  it('is polled there, and its unix socket here as well, and the log explains both', async ({
    sandbox,
  }) => {
    const { daemon, near, far } = await setUp(sandbox);
    await near.connect(tcp, 1);
    await near.connect(unix, 2);
    const some = await far.connect(unix, 3);
    await waitFor('all accepted', async () => (await daemon.accepted()).length === 6);
    const wait = await startWait(sandbox, patient);
    const started = await wait.counted(6);
    expect(started).toMatchObject({
      endpoints: [
        { address: tcp, backend: 'procfs' },
        { address: unix, backend: 'procfs' },
      ],
    });
    expect(await wait.event('daemon-in-other-netns')).toMatchObject({
      level: 'warn',
      message: expect.stringContaining('sock_diag covers only its own namespace'),
    });
    await far.leave(some);
    await wait.counted(3);
    await daemon.kill();
    expect(await wait.ended).toMatchObject({ code: 0, outcome: 'gone' });
  });

  it('is polled with its queued clients, wherever they came from', async ({ sandbox }) => {
    const { daemon, near, far } = await setUp(sandbox);
    await daemon.process.signal('SIGSTOP');
    await near.connect(unix, 1);
    await far.connect(unix, 1);
    expect(await shown(sandbox)).toMatchObject({ connections: 2, code: 3 });
  });

  it('is polled where --pid points, at the addresses of --addr', async ({ sandbox }) => {
    const { daemon, near } = await setUp(sandbox);
    await near.connect(tcp, 2);
    const args = ['--addr', tcp, '--backend', 'sock-diag'];
    expect(await shown(sandbox, [...args, '--pid', ownPid(daemon.process)])).toMatchObject({
      connections: 2,
      addresses: [tcp],
      backends: ['procfs'],
    });
  });
});

describe.concurrent('a daemon with descriptors of another user', () => {
  const ways: (readonly [string, readonly string[]])[] = [
    ['without capabilities', withoutCapabilities],
    ...(hasOtherUsers ? [['nobody', asNobody] as const] : []),
  ];

  it.for(ways)(
    'is watched at its configured and at the default addresses: to %s',
    async ([, through], { sandbox, clients }) => {
      const daemon = await startDaemon(sandbox, { args: ['--addr', 'tcp://0.0.0.0:8372'] });
      await daemon.listen('tcp://127.0.0.1:8372');
      await daemon.listen('tcp://127.0.0.1:1234');
      await daemon.listen('tcp://127.0.0.1:12345');
      await clients.connect('tcp://127.0.0.1:8372', 2);
      await clients.connect('tcp://127.0.0.1:1234', 1);
      const wait = await startWait(sandbox, patient, { through });
      const started = await wait.counted(3);
      expect(started).toMatchObject({
        endpoints: expect.arrayContaining([
          expect.objectContaining({ address: 'tcp://127.0.0.1:1234' }),
          expect.objectContaining({ address: 'tcp://0.0.0.0:8372' }),
        ]),
      });
      expect(await wait.event('descriptors-unreadable')).toMatchObject({
        level: 'warn',
        message: expect.stringContaining('Run as root or as its user, or give --addr'),
      });
      await daemon.kill();
      expect(await wait.ended).toMatchObject({ code: 0, outcome: 'gone' });
    },
  );
});

describe.concurrent('a daemon that restarts during the wait', () => {
  it('is followed to another port', async ({ sandbox, daemon, clients }) => {
    await daemon.listen('tcp://127.0.0.1:8372');
    const wait = await startWait(sandbox, ['--quiet-period', '3s']);
    await wait.event('started');
    const next = await startDaemon(sandbox);
    await daemon.kill();
    await next.listen('tcp://127.0.0.1:12345');
    const some = await clients.connect('tcp://127.0.0.1:12345');
    await wait.counted(1);
    expect(await wait.event('changed')).toMatchObject({
      endpoints: [{ address: 'tcp://127.0.0.1:12345' }],
    });
    expect(await wait.event('endpoints-dropped')).toMatchObject({
      addresses: ['tcp://127.0.0.1:8372'],
    });
    await clients.leave(some);
    expect(await wait.ended).toMatchObject({ code: 0, outcome: 'drained' });
  });

  it('is followed although its first port had a listener at each poll', async ({
    sandbox,
    daemon,
    clients,
  }) => {
    await daemon.listen('tcp://127.0.0.1:8372');
    const args = ['--interval', '1s', '--quiet-period', '5s'];
    const wait = await startWait(sandbox, args);
    await wait.event('started');
    const next = await startDaemon(sandbox);
    await next.listen('unix:///run/next.sock');
    await daemon.kill();
    await next.listen('tcp://127.0.0.1:8372');
    const some = await clients.connect('unix:///run/next.sock');
    expect(await wait.counted(1)).toMatchObject({
      endpoints: [{ address: 'tcp://127.0.0.1:8372' }, { address: 'unix:///run/next.sock' }],
    });
    await clients.leave(some);
    expect(await wait.ended).toMatchObject({ code: 0, outcome: 'drained' });
  });

  it('is gone where no other one takes its place', async ({ sandbox, daemon }) => {
    await daemon.listen('tcp://127.0.0.1:8372');
    const wait = await startWait(sandbox, patient);
    await wait.event('started');
    await daemon.kill();
    expect(await wait.ended).toMatchObject({ code: 0, outcome: 'gone' });
  });

  it('holds for a client of the old one, and continues with the new one after its end', async ({
    sandbox,
    daemon,
    clients,
  }) => {
    await daemon.listen('tcp://127.0.0.1:8372');
    const build = await clients.connect('tcp://127.0.0.1:8372');
    await waitFor('it to be accepted', async () => (await daemon.accepted()).length === 1);
    const wait = await startWait(sandbox, ['--progress-every', '100ms', '--quiet-period', '3s']);
    const held = await startWait(sandbox, ['--timeout', '3s']);
    await Promise.all([wait.counted(1), held.counted(1)]);
    // As BuildKit does when it is told to stop.
    await daemon.unlisten('tcp://127.0.0.1:8372');
    await wait.event('listener-gone');
    const next = await startDaemon(sandbox);
    await next.listen('tcp://127.0.0.1:12345');
    expect(await held.ended).toMatchObject({ code: 3, outcome: 'timed-out' });
    await waitFor('both to be watched', () => {
      const latest = wait.logs().findLast(({ event }) => event === 'progress');
      return (latest?.['endpoints'] as readonly unknown[] | undefined)?.length === 2;
    });
    await clients.leave(build);
    await daemon.kill();
    expect(await wait.event('endpoints-dropped')).toMatchObject({
      addresses: ['tcp://127.0.0.1:8372'],
    });
    expect(await wait.ended).toMatchObject({ code: 0, outcome: 'drained' });
  });
});
