import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect } from 'vitest';
import { type Buildkitd, startBuildkitd } from '../support/buildkitd.ts';
import { createAuthority } from '../support/certificates.ts';
import { type CliOptions, startCli, startWait } from '../support/cli.ts';
import { compiled } from '../support/native.ts';
import { refusingSockDiag, withoutProc } from '../support/refusals.ts';
import type { Ended } from '../support/running.ts';
import type { Sandbox } from '../support/sandbox.ts';
import { it as itInSandbox } from '../support/test.ts';
import { asNobody, hasOtherUsers } from '../support/users.ts';
import { waitFor } from '../support/wait-for.ts';

const it = itInSandbox.extend<{ buildkitd: Buildkitd }>({
  buildkitd: async ({ sandbox }, use) => {
    await use(await startBuildkitd(sandbox));
  },
});

const tcp = 'tcp://127.0.0.1:1234';
const unix = 'unix:///run/buildkitd.sock';
const eperm = 1;
const prebuilds = fileURLToPath(new URL('../../prebuilds', import.meta.url));
const hideAddon = `mount -t tmpfs none ${prebuilds} && exec "$0" "$@"`;
const withoutAddon = ['unshare', '--mount', 'sh', '-c', hideAddon];

interface Said {
  readonly code: number | null;
  readonly text: string;
}

/** The time for an answer is no matter where one comes: a later option wins. */
async function ready(
  sandbox: Sandbox,
  args: readonly string[],
  options?: CliOptions,
): Promise<Said> {
  const patient = ['ready', '--timeout', '20s', ...args];
  return said(await (await startCli(sandbox, patient, options)).process.ended);
}

function said({ code, stdout, stderr }: Ended): Said {
  expect(stderr).toBe('');
  return { code, text: stdout };
}

const notReady = (why: RegExp) => ({
  code: 5,
  text: expect.stringMatching(new RegExp(`^Not ready: ${why.source}.*\\.\\n$`)),
});

/** The names of the marks in a place. */
function marks({ pid }: Sandbox): string[] {
  const table = readFileSync(`/proc/${pid}/net/unix`, 'latin1');
  return [...table.matchAll(/ @(buildkit-drain\/drain\/\S+)$/gm)].map(([, name = '']) => name);
}

describe.concurrent('ready', () => {
  it.for([
    ['over a unix socket', unix],
    ['over TCP', tcp],
    ['on all addresses', 'tcp://[::]:1234'],
  ] as const)(
    'exits 0 where buildkitd answers: %s',
    async ([, address], { sandbox, buildkitd }) => {
      await buildkitd.listen(address);
      expect(await ready(sandbox, ['--addr', address])).toEqual({
        code: 0,
        text: `Ready: buildkitd answers at ${address}.\n`,
      });
    },
  );

  it('finds what the daemon listens on, and asks at each', async ({ sandbox, buildkitd }) => {
    await buildkitd.listen(tcp);
    await buildkitd.listen(unix);
    const { code, text } = await ready(sandbox, []);
    expect(code).toBe(0);
    expect(text).toContain(tcp);
    expect(text).toContain(unix);
    await buildkitd.listenBroken('tcp://127.0.0.1:1235', 'no word at all');
    expect(await ready(sandbox, ['--timeout', '300ms'])).toEqual(
      notReady(/tcp:\/\/127\.0\.0\.1:1235 did not answer within 300ms/),
    );
  });

  it('takes "I do not know the question" of an old daemon for an answer', async ({
    sandbox,
    buildkitd,
  }) => {
    await buildkitd.listen(unix);
    await buildkitd.behave({ answer: 'unimplemented' });
    expect((await ready(sandbox, ['--addr', unix])).code).toBe(0);
  });

  it('exits 5 where nothing listens yet, though the daemon runs', async ({
    sandbox,
    buildkitd,
  }) => {
    expect(buildkitd.process.hasEnded()).toBe(false);
    expect(await ready(sandbox, ['--addr', tcp])).toEqual(
      notReady(/nothing listens on tcp:\/\/127\.0\.0\.1:1234, though buildkitd is running/),
    );
  });

  it('exits 5 where one of two addresses has no listener', async ({ sandbox, buildkitd }) => {
    await buildkitd.listen(tcp);
    expect(await ready(sandbox, ['--addr', tcp, '--addr', unix])).toEqual(
      notReady(/nothing listens on unix:\/\/\/run\/buildkitd\.sock/),
    );
  });

  it('exits 5 when the daemon does not listen on its configured address yet', async ({
    sandbox,
  }) => {
    const through = ['sh', '-c', 'exec "$0" "$@" --addr tcp://127.0.0.1:8372'];
    const buildkitd = await startBuildkitd(sandbox, { through });
    await buildkitd.listen(unix);
    expect(await ready(sandbox, [])).toEqual(
      notReady(/buildkitd does not listen on tcp:\/\/127\.0\.0\.1:8372, which is in its settings/),
    );
    await buildkitd.listen('tcp://127.0.0.1:8372');
    expect((await ready(sandbox, [])).code).toBe(0);
  });

  it('is not misled by a socket file that was left', async ({ sandbox, buildkitd }) => {
    await buildkitd.listen(unix);
    await buildkitd.process.signal('SIGKILL');
    await buildkitd.process.ended;
    expect(await ready(sandbox, ['--addr', unix])).toEqual(
      notReady(/nothing listens, and there is no buildkitd process/),
    );
  });

  it('exits 5 where no daemon is', async ({ sandbox }) => {
    expect(await ready(sandbox, [])).toEqual(
      notReady(/nothing listens, and there is no buildkitd process/),
    );
  });

  it.for([tcp, unix])(
    'exits 5 where the daemon has stopped, though the kernel takes connections for it at %s',
    async (address, { sandbox, buildkitd }) => {
      await buildkitd.listen(address);
      await buildkitd.process.signal('SIGSTOP');
      expect(await ready(sandbox, ['--addr', address, '--timeout', '300ms'])).toEqual(
        notReady(/.* did not answer within 300ms/),
      );
      await buildkitd.process.signal('SIGCONT');
      expect((await ready(sandbox, ['--addr', address])).code).toBe(0);
    },
  );

  it.for([
    [tcp, /.* did not answer within 300ms/],
    [unix, /unix:\/\/\/run\/buildkitd\.sock cannot be reached: connect EAGAIN/],
  ] as const)(
    'exits 5 where the queue of a stopped daemon is full, and says so: %s',
    async ([address, why], { sandbox, daemon, clients }) => {
      await daemon.listen(address, { backlog: 1 });
      await daemon.process.signal('SIGSTOP');
      await clients.connect(address, 2);
      const told = await ready(sandbox, ['--addr', address, '--timeout', '300ms']);
      expect(told).toEqual(notReady(why));
      expect(told.text).toMatch(/; 2 connections are waiting to be accepted there\.\n$/);
    },
  );

  it.for([
    ['no word at all', '300ms', /.* did not answer within 300ms/],
    ['an end without a word', '10s', /.* does not speak gRPC without TLS/],
    ['garbage instead of HTTP/2', '10s', /.* does not speak gRPC without TLS/],
    ['HTTP/1.1', '10s', /.* does not speak gRPC without TLS/],
  ] as const)(
    'exits 5 where the API does not answer: %s',
    async ([how, timeout, why], { sandbox, buildkitd }) => {
      await buildkitd.listenBroken(tcp, how);
      expect(await ready(sandbox, ['--addr', tcp, '--timeout', timeout])).toEqual(notReady(why));
    },
  );

  it('exits 5 where the API takes the question and says nothing', async ({
    sandbox,
    buildkitd,
  }) => {
    await buildkitd.listen(unix);
    await buildkitd.behave({ delayMs: -1 });
    expect(await ready(sandbox, ['--addr', unix, '--timeout', '300ms'])).toEqual(
      notReady(/.* did not answer within 300ms/),
    );
  });

  it('exits 5 where nothing can be seen, with the reason', async ({ sandbox, buildkitd }) => {
    await buildkitd.listen(unix);
    const through = [...refusingSockDiag(eperm), ...withoutProc];
    expect(await ready(sandbox, ['--addr', unix], { through })).toEqual(
      notReady(/sock-diag: .*EPERM; procfs: .*ENOENT/),
    );
  });

  it('exits 2 for a usage error, without a poll', async ({ sandbox }) => {
    const ended = await (await startCli(sandbox, ['ready', '--timeout', '0s'])).process.ended;
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toContain('--timeout: expected a duration');
  });

  it('does not take the deadline of the wait for its own', async ({ sandbox, buildkitd }) => {
    await buildkitd.listenBroken(tcp, 'no word at all');
    const env = { BUILDKIT_DRAIN_TIMEOUT: '58m' };
    const { process } = await startCli(sandbox, ['ready', '--addr', tcp], { env });
    expect(said(await process.ended)).toEqual(notReady(/.* did not answer within 1000ms/));
  });
});

describe.concurrent('ready, over TLS', () => {
  it('asks without TLS settings, and checks those it has', async ({ sandbox, buildkitd }) => {
    const authority = createAuthority(sandbox.directory);
    const other = createAuthority(sandbox.directory, 'other');
    await buildkitd.listen(tcp, authority.sign('server', ['IP:127.0.0.1']));
    expect(await ready(sandbox, ['--addr', tcp])).toEqual({
      code: 0,
      text: `Ready: buildkitd answers at ${tcp}.\n`,
    });
    expect((await ready(sandbox, ['--addr', tcp, '--tls-ca', authority.ca])).code).toBe(0);
    expect(await ready(sandbox, ['--addr', tcp, '--tls-ca', other.ca])).toEqual(
      notReady(/the certificate of .* is not signed by the given authority/),
    );
    await buildkitd.process.signal('SIGSTOP');
    expect(await ready(sandbox, ['--addr', tcp, '--timeout', '300ms'])).toEqual(
      notReady(/.* did not answer within 300ms/),
    );
  });

  it('says what it could not ask for want of a certificate', async ({ sandbox, buildkitd }) => {
    const authority = createAuthority(sandbox.directory);
    const { ca } = authority;
    const { cert, key } = authority.sign('client', ['DNS:client']);
    await buildkitd.listen(tcp, { ...authority.sign('server', ['IP:127.0.0.1']), ca });
    const { code, text } = await ready(sandbox, ['--addr', tcp]);
    expect(code).toBe(0);
    expect(text).toMatch(
      /^Ready: tcp:\S+ accepts connections and speaks TLS \(.* --tls-cert\)\.\n$/,
    );
    const shown = ['--tls-ca', ca, '--tls-cert', cert, '--tls-key', key];
    expect(await ready(sandbox, ['--addr', tcp, ...shown])).toEqual({
      code: 0,
      text: `Ready: buildkitd answers at ${tcp}.\n`,
    });
    expect(await ready(sandbox, ['--addr', tcp, '--tls-ca', ca])).toEqual(
      notReady(/.*--tls-cert and --tls-key/),
    );
  });
});

describe.runIf(hasOtherUsers).concurrent('ready as another user than the daemon', () => {
  it('asks over TCP, and says what the unix socket refuses', async ({ sandbox, buildkitd }) => {
    await buildkitd.listen(tcp);
    expect((await ready(sandbox, ['--addr', tcp], { through: asNobody })).code).toBe(0);
    await buildkitd.listen(unix);
    const closed = await sandbox.start(['chmod', '600', '/run/buildkitd.sock']);
    expect((await closed.ended).code).toBe(0);
    expect(await ready(sandbox, ['--addr', unix], { through: asNobody })).toEqual(
      notReady(/.*cannot be reached: connect EACCES.*; run this as the user of buildkitd/),
    );
  });

  it('finds the rootless socket by XDG_RUNTIME_DIR', async ({ sandbox }) => {
    const made = await sandbox.start(['install', '-d', '-o', '65534', '/run/user/1000/buildkit']);
    expect((await made.ended).code).toBe(0);
    const buildkitd = await startBuildkitd(sandbox, { through: asNobody });
    const rootless = 'unix:///run/user/1000/buildkit/buildkitd.sock';
    await buildkitd.listen(rootless);
    const env = { XDG_RUNTIME_DIR: '/run/user/1000' };
    expect(await ready(sandbox, [], { env, through: asNobody })).toEqual({
      code: 0,
      text: `Ready: buildkitd answers at ${rootless}.\n`,
    });
  });
});

describe.concurrent('ready --after-drain', () => {
  it.for([tcp, unix])(
    'says no while a drain is under way, and yes before and after it: %s',
    async (address, { sandbox, buildkitd }) => {
      await buildkitd.listen(address);
      const args = ['--addr', address, '--after-drain'];
      expect((await ready(sandbox, args)).code).toBe(0);
      const wait = await startWait(sandbox, ['--addr', address, '--quiet-period', '1h']);
      await waitFor('a mark', () => marks(sandbox).length === 1);
      expect(await ready(sandbox, args)).toEqual(
        notReady(/a drain has begun \(@buildkit-drain\/drain\/\w+\/\w+\/\w+\)/),
      );
      expect((await ready(sandbox, ['--addr', address])).code).toBe(0);
      await wait.process.signal('SIGTERM');
      await wait.process.ended;
      expect((await ready(sandbox, args)).code).toBe(0);
    },
  );

  it('says no as long as any of two is under way', async ({ sandbox, buildkitd }) => {
    await buildkitd.listen(unix);
    const args = ['--addr', unix, '--after-drain'];
    const waits = await Promise.all(
      ['1h', '1h'].map((period) => startWait(sandbox, ['--addr', unix, '--quiet-period', period])),
    );
    await waitFor('two marks', () => marks(sandbox).length === 2);
    for (const wait of waits) {
      expect((await ready(sandbox, args)).code).toBe(5);
      await wait.process.signal('SIGKILL');
      await wait.process.ended;
    }
    expect((await ready(sandbox, args)).code).toBe(0);
  });

  it('does not care about the drain of another daemon', async ({ sandbox, buildkitd }) => {
    await buildkitd.listen(tcp);
    await buildkitd.listen(unix);
    await buildkitd.listen('tcp://127.0.0.1:12345');
    await startWait(sandbox, ['--addr', 'tcp://127.0.0.1:12345', '--quiet-period', '1h']);
    await waitFor('a mark', () => marks(sandbox).length === 1);
    expect((await ready(sandbox, ['--addr', tcp, '--addr', unix, '--after-drain'])).code).toBe(0);
    expect((await ready(sandbox, ['--after-drain'])).code).toBe(5);
  });

  it('sees the drain marker from another container, by another path to the same socket', async ({
    sandbox,
    buildkitd,
  }) => {
    await buildkitd.listen(unix);
    const link = await sandbox.start(['ln', '-s', '/run', '/run/link']);
    expect((await link.ended).code).toBe(0);
    await startWait(sandbox, ['--quiet-period', '1h']);
    await waitFor('a mark', () => marks(sandbox).length === 1);
    const linked = ['--addr', 'unix:///run/link/buildkitd.sock', '--after-drain'];
    expect(await ready(sandbox, linked)).toEqual(notReady(/a drain has begun/));
    const beside = { namespaces: ['net'] } as const;
    const args = ['--addr', unix, '--after-drain'];
    expect(await ready(sandbox, args, beside)).toEqual(notReady(/a drain has begun/));
  });

  it('answers no when it cannot be determined', async ({ sandbox, buildkitd }) => {
    await buildkitd.listen(tcp);
    const options = { through: withoutProc };
    expect((await ready(sandbox, ['--addr', tcp], options)).code).toBe(0);
    expect(await ready(sandbox, ['--addr', tcp, '--after-drain'], options)).toEqual(
      notReady(/whether a drain has begun is unknown: \/proc\/net\/unix can't be read/),
    );
  });
});

describe.concurrent('the mark of a drain', () => {
  it('is there for each endpoint, and vanishes with the wait', async ({ sandbox, daemon }) => {
    await daemon.listen(tcp);
    await daemon.listen(unix);
    const wait = await startWait(sandbox, ['--quiet-period', '1s']);
    await waitFor('a mark of each', () => marks(sandbox).length === 2);
    const folders = marks(sandbox).map((name) => name.split('/').slice(2, -1).join('/'));
    expect(folders.toSorted()).toEqual(['tcp/1234', expect.stringMatching(/^unix\/[0-9a-f]{16}$/)]);
    expect(await wait.ended).toMatchObject({ code: 0, outcome: 'drained' });
    expect(marks(sandbox)).toEqual([]);
  });

  it('follows the daemon to where it listens next', async ({ sandbox, daemon }) => {
    await daemon.listen(tcp);
    const args = ['--quiet-period', '1h', '--progress-every', '100ms'];
    const wait = await startWait(sandbox, args);
    await wait.event('started');
    await daemon.unlisten(tcp);
    await daemon.listen('tcp://127.0.0.1:8372');
    await waitFor('a mark of the other port', () =>
      marks(sandbox).some((name) => name.includes('/tcp/8372/')),
    );
    expect(wait.logs().filter(({ event }) => event === 'drain-marker-failed')).toEqual([]);
  });

  it('that cannot be made is reported once, and changes nothing else', async ({
    sandbox,
    daemon,
  }) => {
    await daemon.listen(tcp);
    const args = [
      '--addr',
      tcp,
      '--progress-every',
      '100ms',
      '--quiet-period',
      '2s',
      '--backend',
      'procfs',
    ];
    const wait = await startWait(sandbox, args, { through: withoutAddon });
    const { code, outcome, logs } = await wait.ended;
    expect({ code, outcome }).toEqual({ code: 0, outcome: 'drained' });
    expect(logs.filter(({ event }) => event === 'drain-marker-failed')).toMatchObject([
      { level: 'warn', message: expect.stringContaining("can't be loaded") },
    ]);
  });

  it('neither takes nor needs whoever connects to it', async ({ sandbox, daemon }) => {
    await daemon.listen(tcp);
    const wait = await startWait(sandbox, ['--addr', tcp, '--quiet-period', '1h']);
    const [name = ''] = await waitFor(
      'a mark',
      () => marks(sandbox).length === 1 && marks(sandbox),
    );
    const visitors = [1, 2, 3].map(() => sandbox.start([compiled('abstract'), 'connect', name]));
    // There is room for one, who is never taken; the others wait for room.
    await Promise.race(visitors.map(async (visitor) => (await visitor).line(0)));
    expect(await ready(sandbox, ['--addr', tcp, '--after-drain', '--timeout', '1ms'])).toEqual(
      notReady(/a drain has begun/),
    );
    await wait.process.signal('SIGTERM');
    expect(await wait.ended).toMatchObject({ code: 143, outcome: 'interrupted' });
  });
});
