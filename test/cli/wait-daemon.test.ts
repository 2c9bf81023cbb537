import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { type Cli, startWait } from '../support/cli.ts';
import { compiled } from '../support/native.ts';
import { startClients, startDaemon } from '../support/peer-process.ts';
import { waitForState } from '../support/process-state.ts';
import { it } from '../support/test.ts';
import { withoutCapabilities } from '../support/users.ts';
import { waitFor } from '../support/wait-for.ts';

const tcp = 'tcp://127.0.0.1:1234';
const unix = 'unix:///run/buildkit.sock';

// So long that only `gone` ends a wait.
const patient = ['--quiet-period', '1h', '--timeout', '1h', '--progress-every', '100ms'];
const inPod = { env: { KUBERNETES_SERVICE_HOST: '10.0.0.1' } };

/** Resolves after more than one look: whose the listener is, is looked for after the first. */
async function knowing(wait: Cli, connections: number): Promise<void> {
  await wait.counted(connections);
  await wait.event('progress');
}

describe.concurrent('wait when the daemon is killed', () => {
  it.for([
    ['TCP', tcp, 'sock-diag'],
    ['TCP', tcp, 'procfs'],
    ['a unix socket', unix, 'sock-diag'],
    ['a unix socket', unix, 'procfs'],
  ] as const)(
    'with a client on %s ends at once as gone (%s, by %s)',
    async ([, address, backend], { sandbox, daemon, clients }) => {
      await daemon.listen(address);
      await clients.connect(address);
      const args = ['--addr', address, '--backend', backend, ...patient];
      const wait = await startWait(sandbox, args);
      await knowing(wait, 1);
      await daemon.kill();
      expect(await wait.ended).toMatchObject({ code: 0, outcome: 'gone' });
    },
  );

  it('ends as gone when it had an MPTCP listener', async ({ sandbox }) => {
    const buildkitd = join(sandbox.directory, 'buildkitd');
    symlinkSync(compiled('mptcp'), buildkitd);
    const daemon = await sandbox.start([buildkitd, 'listen', '1234']);
    await daemon.line(0);
    const wait = await startWait(sandbox, ['--addr', tcp, ...patient]);
    await knowing(wait, 0);
    await daemon.signal('SIGKILL');
    expect(await wait.ended).toMatchObject({ code: 0, outcome: 'gone' });
  });

  it('ends as gone where its parent does not reap it', async ({ sandbox, daemon }) => {
    await daemon.listen(tcp);
    const wait = await startWait(sandbox, ['--addr', tcp, ...patient]);
    await knowing(wait, 0);
    const { pid, parentPid } = daemon.process;
    process.kill(parentPid, 'SIGSTOP');
    await waitForState(parentPid, 'T');
    await daemon.process.signal('SIGKILL');
    await waitForState(pid, 'Z');
    const ended = await wait.ended.finally(() => {
      process.kill(parentPid, 'SIGCONT');
    });
    expect(ended).toMatchObject({ code: 0, outcome: 'gone' });
  });

  it('ends as gone even when another process listens', async ({ sandbox, daemon }) => {
    const other = await startDaemon(sandbox);
    await other.listen('tcp://127.0.0.1:8372');
    await daemon.listen(tcp);
    const wait = await startWait(sandbox, ['--addr', tcp, ...patient]);
    await knowing(wait, 0);
    await daemon.kill();
    expect(await wait.ended).toMatchObject({ code: 0, outcome: 'gone' });
  });

  it('continues with a daemon that replaces it between two polls', async ({ sandbox, daemon }) => {
    const next = await startDaemon(sandbox);
    await daemon.listen(tcp);
    const args = ['--addr', tcp, '--timeout', '3s', '--quiet-period', '1s', '--interval', '1s'];
    const wait = await startWait(sandbox, args);
    await wait.counted(0);
    await daemon.kill();
    await next.listen(tcp);
    await next.connect(tcp);
    expect(await wait.ended).toMatchObject({ code: 3, outcome: 'timed-out' });
  });
});

describe.concurrent('wait that may not read the processes of others', () => {
  const hiding = 'mount -t proc -o hidepid=2,gid=12345 proc /proc && exec "$0" "$@"';
  const hidden = ['unshare', '--mount', 'sh', '-c', hiding, ...withoutCapabilities];

  it('ends as gone with the daemon, by its name', async ({ sandbox, daemon }) => {
    await daemon.listen(tcp);
    const args = ['--addr', tcp, ...patient];
    const wait = await startWait(sandbox, args, { through: withoutCapabilities });
    await knowing(wait, 0);
    await daemon.kill();
    expect(await wait.ended).toMatchObject({ code: 0, outcome: 'gone' });
  });

  it('holds where /proc hides whether a daemon is there', async ({ sandbox }) => {
    const args = ['--addr', tcp, '--timeout', '1s'];
    const wait = await startWait(sandbox, args, { through: hidden });
    const { code, outcome, logs } = await wait.ended;
    expect({ code, outcome }).toEqual({ code: 4, outcome: 'unknown' });
    expect(logs.at(-1)?.message).toContain("/proc hides other users' processes");
  });
});

describe.concurrent('wait where no daemon is', () => {
  it.for([
    ['the defaults', []],
    ['TCP', ['--addr', tcp]],
    ['a unix socket', ['--addr', unix]],
    ['TCP and a unix socket', ['--addr', tcp, '--addr', unix]],
  ] as const)(
    'ends at once, and says that nothing was found, with %s',
    async ([, addr], { sandbox }) => {
      const wait = await startWait(sandbox, [...addr, ...patient]);
      const { code, outcome, logs } = await wait.ended;
      expect({ code, outcome }).toEqual({ code: 4, outcome: 'nothing-found' });
      expect(logs.at(-1)).toMatchObject({ level: 'error', polls: 2, mostConnections: null });
      expect(logs.at(-1)?.message).toContain(
        'nothing listens, and there is no buildkitd process here',
      );
    },
  );

  it('calls the daemon gone that ran at the start', async ({ sandbox, daemon }) => {
    const wait = await startWait(sandbox, patient);
    await wait.event('listener-gone');
    await daemon.kill();
    expect(await wait.ended).toMatchObject({ code: 0, outcome: 'gone' });
  });

  it('is not misled by a socket file that was left', async ({ sandbox, daemon }) => {
    await daemon.listen(unix);
    await daemon.kill();
    const wait = await startWait(sandbox, ['--addr', unix, ...patient]);
    expect(await wait.ended).toMatchObject({ code: 4, outcome: 'nothing-found' });
  });

  it('holds in a pod, where the daemon may be in another container', async ({ sandbox }) => {
    const args = ['--addr', tcp, '--timeout', '1s'];
    const wait = await startWait(sandbox, args, inPod);
    const { code, outcome, logs } = await wait.ended;
    expect({ code, outcome }).toEqual({ code: 4, outcome: 'unknown' });
    expect(logs.at(-1)?.message).toContain("can't be seen from this container");
  });
});

describe.concurrent('wait when the daemon runs without its listener', () => {
  it('holds where it listens elsewhere, and says where', async ({ sandbox, daemon }) => {
    await daemon.listen('tcp://[::]:8372');
    await daemon.listen('tcp://127.0.0.1:12345');
    await daemon.listen(unix);
    const wait = await startWait(sandbox, ['--addr', tcp, '--timeout', '1s']);
    const { code, outcome, logs } = await wait.ended;
    expect({ code, outcome }).toEqual({ code: 4, outcome: 'unknown' });
    const { message } = logs.at(-1) ?? {};
    expect(message).toContain(`nothing listens on ${tcp}`);
    expect(message).toContain('tcp://[::]:8372');
    expect(message).toContain('tcp://127.0.0.1:12345');
    expect(message).toContain(unix);
  });

  it('holds where only one of the given addresses has a listener', async ({ sandbox, daemon }) => {
    await daemon.listen(tcp);
    const args = ['--addr', tcp, '--addr', unix, '--timeout', '1s'];
    const wait = await startWait(sandbox, args);
    const { code, logs } = await wait.ended;
    expect(code).toBe(4);
    expect(logs.at(-1)?.message).toContain(`nothing listens on ${unix}`);
  });

  it.for([tcp, unix])(
    'counts on after it has closed its listener at %s, by the sockets that it holds',
    async (address, { sandbox, daemon, clients }) => {
      await daemon.listen(address);
      const some = await clients.connect(address, 2);
      await waitFor('both accepted', async () => (await daemon.accepted()).length === 2);
      const wait = await startWait(sandbox, ['--addr', address]);
      const held = await startWait(sandbox, ['--addr', address, '--timeout', '2s']);
      await Promise.all([wait.counted(2), held.counted(2)]);
      await daemon.unlisten(address);
      expect((await wait.event('listener-gone')).message).toContain(
        `Nothing listens on ${address}`,
      );
      await held.event('listener-gone');
      await clients.leave(some.slice(0, 1));
      await wait.counted(1);
      expect(await held.ended).toMatchObject({ code: 3, outcome: 'timed-out' });
      await clients.leave(some.slice(1));
      expect(await wait.ended).toMatchObject({ code: 0, outcome: 'drained' });
      await daemon.process.signal('SIGKILL');
    },
  );

  it('is drained where it has closed its listener before, and no client is left', async ({
    sandbox,
    daemon,
  }) => {
    await daemon.listen(tcp);
    await daemon.listen(unix);
    const given = await startWait(sandbox, ['--addr', tcp, '--addr', unix]);
    const found = await startWait(sandbox, []);
    await Promise.all([given.event('started'), found.event('started')]);
    await daemon.unlisten(tcp);
    await daemon.unlisten(unix);
    expect(await given.ended).toMatchObject({ code: 0, outcome: 'drained' });
    expect(await found.ended).toMatchObject({ code: 0, outcome: 'drained' });
    for (const args of [['--addr', tcp], []]) {
      const late = await startWait(sandbox, args);
      expect(await late.ended).toMatchObject({ code: 0, outcome: 'drained' });
    }
  });

  it('holds where one of its sockets can be seen nowhere: a client in a network of its own', async ({
    sandbox,
    daemon,
  }) => {
    const far = await startClients(sandbox, { through: ['unshare', '--net'] });
    await daemon.listen(unix);
    const some = await far.connect(unix);
    await waitFor('it to be accepted', async () => (await daemon.accepted()).length === 1);
    // In which three processes can start on a busy machine.
    const args = ['--quiet-period', '5s'];
    const wait = await startWait(sandbox, ['--addr', unix, ...args]);
    const found = await startWait(sandbox, args);
    const held = await startWait(sandbox, ['--quiet-period', '1h', '--timeout', '3s']);
    await Promise.all([wait.event('started'), found.event('started'), held.event('started')]);
    await daemon.unlisten(unix);
    await Promise.all([wait.event('count-failed'), found.event('count-failed')]);
    expect(await held.ended).toMatchObject({ code: 4, outcome: 'unknown' });
    expect([wait.process.hasEnded(), found.process.hasEnded()]).toEqual([false, false]);
    await far.leave(some);
    expect(await wait.ended).toMatchObject({ code: 0, outcome: 'drained' });
    expect(await found.ended).toMatchObject({ code: 0, outcome: 'drained' });
  });

  it('holds where its sockets are not to be read, and ends with it', async ({
    sandbox,
    daemon,
  }) => {
    await daemon.listen(tcp);
    const through = withoutCapabilities;
    const args = ['--addr', tcp, '--quiet-period', '5s'];
    const wait = await startWait(sandbox, args, { through });
    const held = await startWait(sandbox, [...args, '--timeout', '2s'], { through });
    await Promise.all([wait.event('started'), held.event('started')]);
    await daemon.unlisten(tcp);
    expect(await held.ended).toMatchObject({ code: 4, outcome: 'unknown' });
    expect(wait.process.hasEnded()).toBe(false);
    await daemon.kill();
    expect(await wait.ended).toMatchObject({ code: 0, outcome: 'gone' });
  });

  it('holds for a client of a configured address that is not watched', async ({
    sandbox,
    clients,
  }) => {
    const daemon = await startDaemon(sandbox, { args: ['--addr', 'tcp://127.0.0.1:8372'] });
    await daemon.listen('tcp://127.0.0.1:8372');
    const some = await clients.connect('tcp://127.0.0.1:8372');
    await waitFor('it to be accepted', async () => (await daemon.accepted()).length === 1);
    await daemon.unlisten('tcp://127.0.0.1:8372');
    const wait = await startWait(sandbox, ['--addr', tcp]);
    const held = await startWait(sandbox, ['--addr', tcp, '--timeout', '2s']);
    expect(await held.ended).toMatchObject({ code: 4, outcome: 'unknown' });
    expect(wait.process.hasEnded()).toBe(false);
    await clients.leave(some);
    expect(await wait.ended).toMatchObject({ code: 0, outcome: 'drained' });
  });
});

describe.concurrent('wait in another container of the pod', () => {
  it.for([
    ['a pod', inPod],
    ['no pod', {}],
  ] as const)(
    'never takes it for gone when its listener vanishes, in %s',
    async ([, options], { sandbox }) => {
      // The daemon is in the same network, and its process out of sight.
      const daemon = await startDaemon(sandbox, { namespaces: ['net'] });
      await daemon.listen(tcp);
      const wait = await startWait(
        sandbox,
        ['--addr', tcp, '--timeout', '2s', '--quiet-period', '1h'],
        options,
      );
      await wait.counted(0);
      await daemon.kill();
      const { code, outcome, logs } = await wait.ended;
      expect({ code, outcome }).toEqual({ code: 4, outcome: 'unknown' });
      expect(logs.at(-1)?.message).toContain("can't be seen from this container");
    },
  );

  it.for([
    ['TCP', () => tcp],
    ['a unix socket', (directory: string) => `unix://${directory}/d.sock`],
  ] as const)(
    'is drained when its clients have left, with %s',
    async ([, addressIn], { sandbox }) => {
      const address = addressIn(sandbox.directory);
      const daemon = await startDaemon(sandbox, { namespaces: ['net'] });
      const clients = await startClients(sandbox);
      await daemon.listen(address);
      const some = await clients.connect(address);
      const wait = await startWait(sandbox, ['--addr', address], inPod);
      await wait.counted(1);
      await clients.leave(some);
      expect(await wait.ended).toMatchObject({ code: 0, outcome: 'drained' });
    },
  );
});
