import { symlinkSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { startDaemon } from '../support/actor.ts';
import { startBuildkitd } from '../support/buildkitd.ts';
import { createAuthority } from '../support/certificates.ts';
import { cliPath, parseLog, startCli, startWait } from '../support/cli.ts';
import { ownPid } from '../support/pids.ts';
import type { Place } from '../support/place.ts';
import { it } from '../support/test.ts';
import { until } from '../support/until.ts';

const unix = 'unix:///run/buildkit.sock';
const tcp = 'tcp://127.0.0.1:8372';
const patient = ['--quiet-period', '1h', '--timeout', '1h'];

async function output(place: Place, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const { code, stdout, stderr } = await (await startCli(place, args, { env })).process.ended;
  return { code, stdout, stderr };
}

function addressesIn(endpoints: unknown): string[] {
  return (endpoints as readonly { address: string }[]).map(({ address }) => address).sort();
}

describe.concurrent('an address that is meant for clients, BUILDKIT_HOST', () => {
  it('does not hide the daemon’s other listeners', async ({ place, daemon, clients }) => {
    await daemon.listen(unix);
    await daemon.listen(tcp);
    const build = await clients.connect(tcp);
    const env = { BUILDKIT_HOST: unix };
    const wait = await startWait(place, [], { env });
    const { endpoints } = await wait.counted(1);
    expect(addressesIn(endpoints)).toEqual([tcp, unix]);
    expect(await output(place, ['status', '--builds', 'off'], env)).toMatchObject({ code: 3 });
    await clients.leave(build);
    expect(await wait.ended).toMatchObject({ code: 0, outcome: 'drained' });
  });

  it('does not hide from ready a listener that does not answer', async ({ place }) => {
    const buildkitd = await startBuildkitd(place);
    await buildkitd.listen(unix);
    await buildkitd.listenBroken(tcp, 'no word at all');
    const { code, stdout } = await output(place, ['ready'], { BUILDKIT_HOST: unix });
    expect(code).toBe(5);
    expect(stdout).toMatch(/^Not ready: .*8372/);
  });

  it('holds nothing where nothing listens there', async ({ place, daemon }) => {
    await daemon.listen(tcp);
    const env = { BUILDKIT_HOST: 'tcp://buildkitd.test:4321' };
    const wait = await startWait(place, [], { env });
    const { outcome, logs } = await wait.ended;
    expect(outcome).toBe('drained');
    expect(logs.filter(({ level }) => level !== 'info')).toEqual([]);
  });

  it('is watched beside the defaults where no daemon is in sight', async ({ place, clients }) => {
    const daemon = await startDaemon(place, { namespaces: ['net'] });
    await daemon.listen(tcp);
    await daemon.listen('tcp://127.0.0.1:1234');
    await clients.connect(tcp, 2);
    await clients.connect('tcp://127.0.0.1:1234', 1);
    const env = { BUILDKIT_HOST: tcp, KUBERNETES_SERVICE_HOST: '10.0.0.1' };
    const wait = await startWait(place, patient, { env });
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
    'stops nothing where it is of another form, which is told: %s=%s',
    async ([variable, value], { place, daemon, clients }) => {
      await daemon.listen(tcp);
      const build = await clients.connect(tcp);
      const env = { [variable]: value };
      const wait = await startWait(place, [], { env });
      await wait.counted(1);
      expect(wait.logs()[0]).toMatchObject({
        level: 'warn',
        event: 'variable-ignored',
        variable,
        message: expect.stringMatching(
          new RegExp(`^${variable} is ignored: expected .* but received "`),
        ),
      });
      const status = await output(place, ['status', '--builds', 'off'], env);
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
  it('waits on all listeners of its daemon, whatever BUILDKIT_HOST', async ({ place, clients }) => {
    const tool = [process.execPath, cliPath, 'run', '--log-to', 'stderr', '--builds', 'off'];
    const quick = ['--interval', '20ms', '--quiet-period', '500ms'];
    const through = [...tool, ...quick, '--'];
    const daemon = await startDaemon(place, { through, env: { BUILDKIT_HOST: unix } });
    await daemon.listen(unix);
    await daemon.listen(tcp);
    const build = await clients.connect(tcp);
    await daemon.process.signal('SIGTERM');
    const logs = () => parseLog(daemon.process.stderr());
    const started = await until('the wait', () => logs().find(({ event }) => event === 'started'));
    expect(started['connections']).toBe(1);
    expect(addressesIn(started['endpoints'])).toEqual([tcp, unix]);
    await clients.leave(build);
    await daemon.process.ended;
    expect(logs().find(({ event }) => event === 'ended')).toMatchObject({ outcome: 'drained' });
  });
});

describe.concurrent('--addr', () => {
  it('restricts, and what it leaves out is told', async ({ place, daemon, clients }) => {
    await daemon.listen(unix);
    await daemon.listen(tcp);
    await clients.connect(tcp);
    const wait = await startWait(place, ['--addr', unix]);
    const { outcome, logs } = await wait.ended;
    expect(outcome).toBe('drained');
    const pid = Number(ownPid(daemon.process));
    expect(logs.find(({ event }) => event === 'addresses-not-given')).toMatchObject({
      level: 'warn',
      pid,
      addresses: [tcp],
      message: `The daemon (pid ${pid}) listens on ${tcp}, which --addr does not name: its clients there are not counted.`,
    });
  });

  it('for all of them says nothing', async ({ place, daemon }) => {
    await daemon.listen(unix);
    await daemon.listen('tcp://[::]:8372');
    const wait = await startWait(place, ['--addr', unix, '--addr', tcp]);
    const { outcome, logs } = await wait.ended;
    expect(outcome).toBe('drained');
    expect(logs.filter(({ level }) => level === 'warn')).toEqual([]);
  });

  it('is one endpoint for one port, however often it is given', async ({
    place,
    daemon,
    clients,
  }) => {
    await daemon.listen('tcp://[::]:8372');
    await clients.connect(tcp);
    const hosts = ['0.0.0.0', '127.0.0.1', '[::]'];
    const args = hosts.flatMap((host) => ['--addr', `tcp://${host}:8372`]);
    const wait = await startWait(place, [...args, ...patient]);
    expect(await wait.event('started')).toMatchObject({
      connections: 1,
      endpoints: [{ address: 'tcp://0.0.0.0:8372' }],
    });
  });

  it('is one endpoint for one socket, by whatever path', async ({ place, daemon, clients }) => {
    const { directory } = place;
    symlinkSync(directory, `${directory}/link`);
    await daemon.listen(`unix://${directory}/d.sock`);
    await clients.connect(`unix://${directory}/d.sock`);
    const paths = [`${directory}/link/d.sock`, `${directory}/d.sock`, `${directory}//d.sock`];
    const args = paths.flatMap((path) => ['--addr', `unix://${path}`]);
    const wait = await startWait(place, [...args, ...patient]);
    expect(await wait.event('started')).toMatchObject({ connections: 1 });
    const env = { BUILDKIT_HOST: `unix://${directory}/link/d.sock` };
    const found = await startWait(place, patient, { env });
    expect(await found.event('started')).toMatchObject({ connections: 1 });
  });

  it('of one daemon is asked once: one answer is enough', async ({ place }) => {
    const authority = createAuthority(place.directory);
    const { ca } = authority;
    const server = authority.sign('server', ['DNS:buildkitd.test']);
    const buildkitd = await startBuildkitd(place);
    await buildkitd.listen('unix:///run/buildkitd.sock');
    await buildkitd.listen(tcp, { ...server, ca });
    const addr = ['--addr', 'unix:///run/buildkitd.sock', '--addr', tcp];
    const { stdout } = await output(place, ['status', '--json', ...addr]);
    expect(JSON.parse(stdout)).toMatchObject({ builds: [], buildsError: null });
  });
});

describe.concurrent('a daemon that was told to listen on more than it does', () => {
  const told = { args: ['--addr', unix, '--addr', tcp] };

  it('has its clients there counted once it does', async ({ place, clients }) => {
    const daemon = await startDaemon(place, told);
    await daemon.listen(unix);
    const wait = await startWait(place, ['--quiet-period', '3s']);
    await wait.event('address-not-listening');
    await wait.event('started');
    await daemon.listen(tcp);
    const build = await clients.connect(tcp);
    const { endpoints } = await wait.counted(1);
    expect(addressesIn(endpoints)).toEqual([tcp, unix]);
    await clients.leave(build);
    expect(await wait.ended).toMatchObject({ code: 0, outcome: 'drained' });
  });

  it('holds nothing by an address that it never listens on', async ({ place }) => {
    const daemon = await startDaemon(place, told);
    await daemon.listen(unix);
    const wait = await startWait(place, []);
    expect(await wait.ended).toMatchObject({ code: 0, outcome: 'drained' });
  });

  it('is waited for when it took another one’s place', async ({ place, clients }) => {
    const other = 'tcp://127.0.0.1:12345';
    const args = ['--addr', tcp, '--addr', other];
    const first = await startDaemon(place, { args });
    const second = await startDaemon(place, { args });
    await first.listen(tcp);
    await first.listen(other);
    await clients.connect(other);
    const wait = await startWait(place, ['--quiet-period', '5s']);
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

  it('is found to listen on what it was not told, too', async ({ place, daemon, clients }) => {
    await daemon.listen(unix);
    const wait = await startWait(place, ['--quiet-period', '3s']);
    await wait.counted(0);
    await daemon.listen(tcp);
    const build = await clients.connect(tcp);
    await wait.counted(1);
    expect(await wait.event('endpoints-added')).toMatchObject({ endpoints: [tcp] });
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

  it('is not watched beside one of this place, and the log says so', async ({ place, daemon }) => {
    const other = await startDaemon(place, { through: contained });
    await other.listen('unix:///run/other.sock');
    await other.connect('unix:///run/other.sock');
    await daemon.listen(tcp);
    const wait = await startWait(place, []);
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

  it('does not keep that of this place from being gone', async ({ place, daemon }) => {
    const other = await startDaemon(place, { through: contained });
    await other.listen('unix:///run/other.sock');
    await daemon.listen(tcp);
    const waits = await Promise.all(
      [[], ['--addr', tcp]].map((args) => startWait(place, [...args, ...patient])),
    );
    for (const wait of waits) {
      await wait.event('started');
    }
    await daemon.kill();
    for (const wait of waits) {
      expect(await wait.ended).toMatchObject({ code: 0, outcome: 'gone' });
    }
  });

  it('is watched where there is no other, and --pid asks for it beside one', async ({ place }) => {
    const other = await startDaemon(place, { through: contained });
    await other.listen('unix:///run/other.sock');
    await other.connect('unix:///run/other.sock');
    const wait = await startWait(place, patient);
    await wait.counted(1);
    const own = await startDaemon(place);
    await own.listen(tcp);
    const left = await startWait(place, patient);
    const [pid] = (await left.event('daemons-skipped'))['pids'] as readonly number[];
    await left.counted(0);
    const asked = await startWait(place, ['--pid', String(pid), ...patient]);
    await asked.counted(1);
  });

  it('is not watched where the process table is that of a host', async ({ place, daemon }) => {
    // A pod with hostPID: it has a network of its own, and process 1 is not in it.
    const through = ['unshare', '--net', '--fork'];
    const contained = await startDaemon(place, {
      through: ['unshare', '--net', '--pid', '--fork'],
    });
    await contained.listen('unix:///run/other.sock');
    await daemon.kill();
    const wait = await startWait(place, patient, { through });
    expect(await wait.ended).toMatchObject({ code: 4, outcome: 'nothing-found' });
    expect(wait.logs().find(({ event }) => event === 'daemons-skipped')).toMatchObject({
      level: 'warn',
      message: expect.stringContaining('and not of this container or pod'),
    });
  });
});
