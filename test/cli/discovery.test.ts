import { symlinkSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { startBuildkitd } from '../support/buildkitd.ts';
import { createAuthority } from '../support/certificates.ts';
import { cliPath, parseLog, startCli, startWait } from '../support/cli.ts';
import { startDaemon } from '../support/peer-process.ts';
import { ownPid } from '../support/pids.ts';
import type { Sandbox } from '../support/sandbox.ts';
import { it } from '../support/test.ts';
import { waitFor } from '../support/wait-for.ts';

const unix = 'unix:///run/buildkit.sock';
const tcp = 'tcp://127.0.0.1:8372';
const patient = ['--quiet-period', '1h', '--timeout', '1h'];

async function output(sandbox: Sandbox, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const { code, stdout, stderr } = await (await startCli(sandbox, args, { env })).process.ended;
  return { code, stdout, stderr };
}

function addressesIn(endpoints: unknown): string[] {
  return (endpoints as readonly { address: string }[]).map(({ address }) => address).sort();
}

describe.concurrent('an address that is meant for clients, BUILDKIT_HOST', () => {
  it('does not hide the daemon’s other listeners', async ({ sandbox, daemon, clients }) => {
    await daemon.listen(unix);
    await daemon.listen(tcp);
    const build = await clients.connect(tcp);
    const env = { BUILDKIT_HOST: unix };
    const wait = await startWait(sandbox, [], { env });
    const { endpoints } = await wait.counted(1);
    expect(addressesIn(endpoints)).toEqual([tcp, unix]);
    expect(await output(sandbox, ['status', '--builds', 'off'], env)).toMatchObject({ code: 3 });
    await clients.leave(build);
    expect(await wait.ended).toMatchObject({ code: 0, outcome: 'drained' });
  });

  it('does not hide from ready a listener that does not answer', async ({ sandbox }) => {
    const buildkitd = await startBuildkitd(sandbox);
    await buildkitd.listen(unix);
    await buildkitd.listenBroken(tcp, 'no word at all');
    const { code, stdout } = await output(sandbox, ['ready'], { BUILDKIT_HOST: unix });
    expect(code).toBe(5);
    expect(stdout).toMatch(/^Not ready: .*8372/);
  });

  it('holds nothing where nothing listens there', async ({ sandbox, daemon }) => {
    await daemon.listen(tcp);
    const env = { BUILDKIT_HOST: 'tcp://buildkitd.test:4321' };
    const wait = await startWait(sandbox, [], { env });
    const { outcome, logs } = await wait.ended;
    expect(outcome).toBe('drained');
    expect(logs.filter(({ level }) => level !== 'info')).toEqual([]);
  });

  it('is watched besides the defaults when no daemon is found', async ({ sandbox, clients }) => {
    const daemon = await startDaemon(sandbox, { namespaces: ['net'] });
    await daemon.listen(tcp);
    await daemon.listen('tcp://127.0.0.1:1234');
    await clients.connect(tcp, 2);
    await clients.connect('tcp://127.0.0.1:1234', 1);
    const env = { BUILDKIT_HOST: tcp, KUBERNETES_SERVICE_HOST: '10.0.0.1' };
    const wait = await startWait(sandbox, patient, { env });
    await wait.counted(3);
  });

  it.for([
    ['BUILDKIT_HOST', 'docker-container://buildkitd'],
    ['BUILDKIT_HOST', 'tcp://buildkitd'],
    ['BUILDKIT_HOST', 'ssh://me@buildkitd'],
    ['BUILDKIT_HOST', 'npipe:////./pipe/buildkitd'],
    ['BUILDKIT_HOST', 'rubbish'],
    ['BUILDKITD_PORT', '0'],
    ['BUILDKITD_PORT', 'http'],
  ] as const)(
    'is ignored with a warning when it has another form: %s=%s',
    async ([variable, value], { sandbox, daemon, clients }) => {
      await daemon.listen(tcp);
      const build = await clients.connect(tcp);
      const env = { [variable]: value };
      const wait = await startWait(sandbox, [], { env });
      await wait.counted(1);
      expect(wait.logs()[0]).toMatchObject({
        level: 'warn',
        event: 'variable-ignored',
        variable,
        message: expect.stringMatching(
          new RegExp(`^${variable} is ignored: expected .* but received "`),
        ),
      });
      const status = await output(sandbox, ['status', '--builds', 'off'], env);
      expect(status).toMatchObject({
        code: 3,
        stderr: expect.stringContaining(`${variable} is ignored`),
      });
      await clients.leave(build);
      expect(await wait.ended).toMatchObject({ code: 0, outcome: 'drained' });
    },
  );
});

describe.concurrent('run', () => {
  it('waits on all listeners of its daemon, regardless of BUILDKIT_HOST', async ({
    sandbox,
    clients,
  }) => {
    const tool = [process.execPath, cliPath, 'run', '--log-to', 'stderr', '--builds', 'off'];
    const quick = ['--interval', '20ms', '--quiet-period', '500ms'];
    const through = [...tool, ...quick, '--'];
    const daemon = await startDaemon(sandbox, { through, env: { BUILDKIT_HOST: unix } });
    await daemon.listen(unix);
    await daemon.listen(tcp);
    const build = await clients.connect(tcp);
    await daemon.process.signal('SIGTERM');
    const logs = () => parseLog(daemon.process.stderr());
    const started = await waitFor('the wait', () =>
      logs().find(({ event }) => event === 'started'),
    );
    expect(started['connections']).toBe(1);
    expect(addressesIn(started['endpoints'])).toEqual([tcp, unix]);
    await clients.leave(build);
    await daemon.process.ended;
    expect(logs().find(({ event }) => event === 'ended')).toMatchObject({ outcome: 'drained' });
  });
});

describe.concurrent('--addr', () => {
  it('restricts the wait, and the log names the listeners left out', async ({
    sandbox,
    daemon,
    clients,
  }) => {
    await daemon.listen(unix);
    await daemon.listen(tcp);
    await clients.connect(tcp);
    const wait = await startWait(sandbox, ['--addr', unix]);
    const { outcome, logs } = await wait.ended;
    expect(outcome).toBe('drained');
    const pid = Number(ownPid(daemon.process));
    expect(logs.find(({ event }) => event === 'addresses-not-given')).toMatchObject({
      level: 'warn',
      pid,
      addresses: [tcp],
      message: `Clients of buildkitd (pid ${pid}) on ${tcp} are not counted: --addr restricts what is watched.`,
    });
  });

  it('for all of them logs no restriction', async ({ sandbox, daemon }) => {
    await daemon.listen(unix);
    await daemon.listen('tcp://[::]:8372');
    const wait = await startWait(sandbox, ['--addr', unix, '--addr', tcp]);
    const { outcome, logs } = await wait.ended;
    expect(outcome).toBe('drained');
    expect(logs.filter(({ level }) => level === 'warn')).toEqual([]);
  });

  it('is one endpoint per port, even when given twice', async ({ sandbox, daemon, clients }) => {
    await daemon.listen('tcp://[::]:8372');
    await clients.connect(tcp);
    const hosts = ['0.0.0.0', '127.0.0.1', '[::]'];
    const args = hosts.flatMap((host) => ['--addr', `tcp://${host}:8372`]);
    const wait = await startWait(sandbox, [...args, ...patient]);
    expect(await wait.event('started')).toMatchObject({
      connections: 1,
      endpoints: [{ address: 'tcp://0.0.0.0:8372' }],
    });
  });

  it('is one endpoint per socket, by any path', async ({ sandbox, daemon, clients }) => {
    const { directory } = sandbox;
    symlinkSync(directory, `${directory}/link`);
    await daemon.listen(`unix://${directory}/d.sock`);
    await clients.connect(`unix://${directory}/d.sock`);
    const paths = [`${directory}/link/d.sock`, `${directory}/d.sock`, `${directory}//d.sock`];
    const args = paths.flatMap((path) => ['--addr', `unix://${path}`]);
    const wait = await startWait(sandbox, [...args, ...patient]);
    expect(await wait.event('started')).toMatchObject({ connections: 1 });
    const env = { BUILDKIT_HOST: `unix://${directory}/link/d.sock` };
    const found = await startWait(sandbox, patient, { env });
    expect(await found.event('started')).toMatchObject({ connections: 1 });
  });

  it('of one daemon is asked once: one answer is enough', async ({ sandbox }) => {
    const authority = createAuthority(sandbox.directory);
    const { ca } = authority;
    const server = authority.sign('server', ['DNS:buildkitd.test']);
    const buildkitd = await startBuildkitd(sandbox);
    await buildkitd.listen('unix:///run/buildkitd.sock');
    await buildkitd.listen(tcp, { ...server, ca });
    const addr = ['--addr', 'unix:///run/buildkitd.sock', '--addr', tcp];
    const { stdout } = await output(sandbox, ['status', '--json', ...addr]);
    expect(JSON.parse(stdout)).toMatchObject({ builds: [], buildsError: null });
  });
});

describe.concurrent('a daemon configured to listen on more than it does', () => {
  const told = { args: ['--addr', unix, '--addr', tcp] };

  it('has its clients there counted once it does', async ({ sandbox, clients }) => {
    const daemon = await startDaemon(sandbox, told);
    await daemon.listen(unix);
    const wait = await startWait(sandbox, ['--quiet-period', '3s']);
    await wait.event('address-not-listening');
    await wait.event('started');
    await daemon.listen(tcp);
    const build = await clients.connect(tcp);
    const { endpoints } = await wait.counted(1);
    expect(addressesIn(endpoints)).toEqual([tcp, unix]);
    await clients.leave(build);
    expect(await wait.ended).toMatchObject({ code: 0, outcome: 'drained' });
  });

  it('holds nothing by an address that it never listens on', async ({ sandbox }) => {
    const daemon = await startDaemon(sandbox, told);
    await daemon.listen(unix);
    const wait = await startWait(sandbox, []);
    expect(await wait.ended).toMatchObject({ code: 0, outcome: 'drained' });
  });

  it('is waited for when it took another one’s place', async ({ sandbox, clients }) => {
    const other = 'tcp://127.0.0.1:12345';
    const args = ['--addr', tcp, '--addr', other];
    const first = await startDaemon(sandbox, { args });
    const second = await startDaemon(sandbox, { args });
    await first.listen(tcp);
    await first.listen(other);
    await clients.connect(other);
    const wait = await startWait(sandbox, ['--quiet-period', '5s']);
    await wait.counted(1);
    await first.kill();
    await second.listen(tcp);
    await wait.counted(0);
    await second.listen(other);
    const build = await clients.connect(other);
    await wait.counted(1);
    expect(wait.logs().filter(({ event }) => event === 'endpoints-dropped')).toEqual([]);
    await clients.leave(build);
    expect(await wait.ended).toMatchObject({ code: 0, outcome: 'drained' });
  });

  it('is also found on addresses that are not in its settings', async ({
    sandbox,
    daemon,
    clients,
  }) => {
    await daemon.listen(unix);
    const wait = await startWait(sandbox, ['--quiet-period', '3s']);
    await wait.counted(0);
    await daemon.listen(tcp);
    const build = await clients.connect(tcp);
    await wait.counted(1);
    expect(await wait.event('endpoints-added')).toMatchObject({ addresses: [tcp] });
    await clients.leave(build);
    expect(await wait.ended).toMatchObject({ code: 0, outcome: 'drained' });
  });
});

describe.concurrent('a daemon of another place', () => {
  // As one in a container: in namespaces of its own, below ours.
  const contained = [
    ...['unshare', '--net', '--pid', '--fork', '--kill-child'],
    ...['sh', '-c', 'ip link set lo up && "$0" "$@"'],
  ];

  it('is not watched besides one of this environment, and the log says so', async ({
    sandbox,
    daemon,
  }) => {
    const other = await startDaemon(sandbox, { through: contained });
    await other.listen('unix:///run/other.sock');
    await other.connect('unix:///run/other.sock');
    await daemon.listen(tcp);
    const wait = await startWait(sandbox, []);
    const { outcome, logs } = await wait.ended;
    expect(outcome).toBe('drained');
    expect(logs.find(({ event }) => event === 'daemons-skipped')).toMatchObject({
      level: 'info',
      pids: [expect.any(Number)],
      message: expect.stringMatching(
        /^Not watching buildkitd \(pid \d+\): it is in another network namespace, and a nearer one was found\. Give --pid/,
      ),
    });
  });

  it('does not keep that of this place from being gone', async ({ sandbox, daemon }) => {
    const other = await startDaemon(sandbox, { through: contained });
    await other.listen('unix:///run/other.sock');
    await daemon.listen(tcp);
    const often = ['--progress-every', '100ms'];
    const waits = await Promise.all(
      [[], ['--addr', tcp]].map((args) => startWait(sandbox, [...args, ...often, ...patient])),
    );
    for (const wait of waits) {
      // The process behind the listener is searched for right after the first poll.
      await wait.event('progress');
    }
    await daemon.kill();
    for (const wait of waits) {
      expect(await wait.ended).toMatchObject({ code: 0, outcome: 'gone' });
    }
  });

  it('is watched when there is no other, or with --pid', async ({ sandbox }) => {
    const other = await startDaemon(sandbox, { through: contained });
    await other.listen('unix:///run/other.sock');
    await other.connect('unix:///run/other.sock');
    const wait = await startWait(sandbox, patient);
    await wait.counted(1);
    const own = await startDaemon(sandbox);
    await own.listen(tcp);
    const left = await startWait(sandbox, patient);
    const [pid] = (await left.event('daemons-skipped'))['pids'] as readonly number[];
    await left.counted(0);
    const asked = await startWait(sandbox, ['--pid', String(pid), ...patient]);
    await asked.counted(1);
  });

  it('is not said to have the listener at --addr, even if it has one there itself', async ({
    sandbox,
    clients,
  }) => {
    const other = await startDaemon(sandbox, { through: contained });
    await other.listen(tcp);
    await other.listen('unix:///run/other.sock');
    await clients.listen(tcp);
    const wait = await startWait(sandbox, ['--addr', tcp, ...patient]);
    const notice = await wait.event('addresses-not-given');
    expect(notice).toMatchObject({
      addresses: [tcp, 'unix:///run/other.sock'],
      message: `Clients of buildkitd (pid ${notice['pid']}) on ${tcp} and unix:///run/other.sock are not counted: --addr restricts what is watched.`,
    });
  });

  it('is not watched where the process table is that of a host', async ({ sandbox, daemon }) => {
    // A pod with hostPID: it has a network of its own, and process 1 is not in it.
    const through = ['unshare', '--net', '--fork'];
    const contained = await startDaemon(sandbox, {
      through: ['unshare', '--net', '--pid', '--fork'],
    });
    await contained.listen('unix:///run/other.sock');
    await daemon.kill();
    const wait = await startWait(sandbox, patient, { through });
    expect(await wait.ended).toMatchObject({ code: 4, outcome: 'nothing-found' });
    expect(wait.logs().find(({ event }) => event === 'daemons-skipped')).toMatchObject({
      level: 'warn',
      message: expect.stringContaining('and not in this container or pod'),
    });
  });
});
