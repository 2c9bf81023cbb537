import { cpSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect } from 'vitest';
import { type Buildkitd, startBuildkitd } from '../support/buildkitd.ts';
import { createAuthority } from '../support/certificates.ts';
import { type CliOptions, cliPath, startCli } from '../support/cli.ts';
import { refusingSockDiag, withoutProc } from '../support/refusals.ts';
import type { Sandbox } from '../support/sandbox.ts';
import { it as itInSandbox } from '../support/test.ts';
import { asNobody, hasOtherUsers } from '../support/users.ts';

const it = itInSandbox.extend<{ buildkitd: Buildkitd }>({
  buildkitd: async ({ sandbox }, use) => {
    await use(await startBuildkitd(sandbox));
  },
});

const tcp = 'tcp://0.0.0.0:1234';
const unix = 'unix:///run/buildkitd.sock';
const root = fileURLToPath(new URL('../..', import.meta.url));

interface Finding {
  readonly mark: string;
  readonly text: string;
  readonly remedy: string | null;
}

interface Told {
  readonly code: number | null;
  readonly works: boolean;
  readonly of: (title: string) => readonly Finding[];
  /** What is no `ok`, by section. */
  readonly trouble: readonly string[];
}

async function doctor(
  sandbox: Sandbox,
  args: readonly string[] = [],
  options: CliOptions = {},
): Promise<Told> {
  const cli = await startCli(sandbox, ['doctor', '--json', ...args], options);
  return toldBy(await cli.process.ended);
}

function toldBy({
  code,
  stdout,
  stderr,
}: {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}): Told {
  expect(stderr).toBe('');
  const { works, sections } = JSON.parse(stdout) as {
    works: boolean;
    sections: readonly { title: string; findings: readonly Finding[] }[];
  };
  return {
    code,
    works,
    of: (title) => sections.find((section) => section.title === title)?.findings ?? [],
    trouble: sections.flatMap(({ title, findings }) =>
      findings.filter(({ mark }) => mark !== 'ok').map(({ mark }) => `${title}: ${mark}`),
    ),
  };
}

const textOf = (findings: readonly Finding[]): string =>
  findings.map(({ text }) => text).join('\n');

describe.concurrent('doctor', () => {
  it('finds nothing amiss where all is well, in lines that fit a screen', async ({
    sandbox,
    buildkitd,
    clients,
  }) => {
    await buildkitd.listen(tcp);
    await buildkitd.listen(unix);
    await clients.connect('tcp://127.0.0.1:1234');
    await buildkitd.begin('one');
    const { code, stdout, stderr } = await (await startCli(sandbox, ['doctor'])).process.ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/\n\nIt works\.\n$/);
    // A path has no place to break at, and the checkout may be deep.
    const breakable = stdout.split('\n').filter((line) => /\S\s+\S/.test(line));
    expect(breakable.filter((line) => line.length > 80)).toEqual([]);
    const plain = stdout.replaceAll(/\n {12}/g, ' ');
    for (const sentence of [
      `, Node.js ${process.version}, Linux`,
      'Runs as uid 0, with',
      `/prebuilds/linux-${process.arch}/buildkit-drain.node, built from`,
      'TCP over IPv4: connections are tracked',
      'TCP over IPv6: the kernel reports when connections end.',
      'Unix sockets: works, and sees a listener that was opened to test it.',
      'visible, process 1 being cat.',
      'runs as uid 0; its descriptors can be read.',
      `which listens on ${tcp} and ${unix}.`,
      `${tcp}: sock-diag sees a listener and 1 connection, procfs sees a listener and 1 connection.`,
      `Asked at ${tcp} and ${unix}, the daemon says that 1 build is running: one (for`,
      'wait polls every 100ms, needs 10s of quiet, and has no deadline.',
    ]) {
      expect(plain).toContain(sentence);
    }
    expect((await doctor(sandbox)).trouble).toEqual([]);
  });

  it('names sock_diag that is refused, with the errno and a remedy, and works', async ({
    sandbox,
    buildkitd,
  }) => {
    await buildkitd.listen(tcp);
    const through = refusingSockDiag(constants.errno.EPERM);
    const told = await doctor(sandbox, [], { through });
    expect(told).toMatchObject({ code: 0, works: true });
    expect(told.of('sock_diag')).toHaveLength(3);
    for (const finding of told.of('sock_diag')) {
      expect(finding).toMatchObject({
        mark: 'degraded',
        text: expect.stringContaining('socket failed with EPERM'),
        remedy: expect.stringContaining('allow AF_NETLINK'),
      });
    }
    expect(textOf(told.of('Endpoints'))).toMatch(/sock-diag fails .*, procfs sees a listener/);
    expect(told.trouble.some((each) => each.endsWith('problem'))).toBe(false);
  });

  it('does without /proc as far as it can', async ({ sandbox, buildkitd }) => {
    await buildkitd.listen(tcp);
    const told = await doctor(sandbox, ['--addr', tcp], { through: withoutProc });
    expect(told).toMatchObject({ code: 0, works: true });
    expect(textOf(told.of('procfs'))).toMatch(/\/proc\/net\/tcp can't be read \(ENOENT\)/);
    expect(textOf(told.of('procfs'))).toContain(
      'Which processes are running cannot be found out: /proc',
    );
    expect(textOf(told.of('Daemon'))).toContain('cannot be found out');
    expect(textOf(told.of('sock_diag'))).toMatch(/counter of new connections .* can't be read/);
  });

  it('reports unknown when no backend works, and what each lacks', async ({
    sandbox,
    buildkitd,
  }) => {
    await buildkitd.listen(tcp);
    const through = [...withoutProc, ...refusingSockDiag(constants.errno.EPERM)];
    const told = await doctor(sandbox, ['--addr', tcp], { through });
    expect(told).toMatchObject({ code: 4, works: false });
    expect(told.of('sock_diag')[0]?.mark).toBe('problem');
    expect(told.of('procfs')[0]).toMatchObject({ mark: 'problem', remedy: 'Mount /proc here.' });
    expect(told.of('Endpoints')[0]).toMatchObject({
      mark: 'problem',
      remedy: 'See above what each backend needs.',
    });
    const cli = await startCli(sandbox, ['doctor', '--addr', tcp], { through });
    const { code, stdout } = await cli.process.ended;
    expect(code).toBe(4);
    expect(stdout).toMatch(
      /\nIt cannot count clients here, with \d+ problems and \d+ limitations\.\n$/,
    );
  });

  it('explains how to build the addon when it is missing', async ({ sandbox, buildkitd }) => {
    await buildkitd.listen(tcp);
    const bare = join(sandbox.directory, 'bare');
    mkdirSync(bare);
    for (const part of ['dist', 'package.json', 'CMakeLists.txt']) {
      cpSync(join(root, part), join(bare, part), { recursive: true });
    }
    symlinkSync(join(root, 'node_modules'), join(bare, 'node_modules'));
    const tool = cliPath.replace(root, `${bare}/`);
    const started = await sandbox.start([process.execPath, tool, 'doctor', '--json']);
    const told = toldBy(await started.ended);
    expect(told).toMatchObject({ code: 0, works: true });
    expect(told.of('Addon')).toEqual([
      {
        mark: 'degraded',
        text: expect.stringMatching(/^The native addon can't be loaded .*npx cmake-js compile -d /),
        remedy: null,
      },
    ]);
    expect(textOf(told.of('sock_diag'))).toContain('not available without the addon');
  });

  it.runIf(hasOtherUsers)('says what another user may not read', async ({ sandbox, buildkitd }) => {
    await buildkitd.listen(tcp);
    const env = { KUBERNETES_SERVICE_HOST: '10.0.0.1' };
    const told = await doctor(sandbox, [], { through: asNobody, env });
    expect(told).toMatchObject({ code: 0, works: true });
    expect(textOf(told.of('Environment'))).toContain(
      'Runs as uid 65534, with no relevant capability.',
    );
    expect(told.of('Daemon')[0]).toMatchObject({
      mark: 'degraded',
      text: expect.stringMatching(/ runs as uid 0; its descriptors cannot be read\.$/),
      remedy: expect.stringContaining('CAP_SYS_PTRACE'),
    });
    expect(told.of('Waiting here')[0]).toMatchObject({
      mark: 'degraded',
      text: expect.stringMatching(/^The container's log cannot be written: EACCES/),
    });
  });

  it('says where there is no daemon, which is an answer but not in a pod', async ({ sandbox }) => {
    const told = await doctor(sandbox);
    expect(told).toMatchObject({ code: 0, works: true });
    expect(textOf(told.of('Daemon'))).toContain('No buildkitd process found here');
    expect(textOf(told.of('Endpoints'))).toContain('There is no daemon');
    const inPod = await doctor(sandbox, [], { env: { KUBERNETES_SERVICE_HOST: '10.0.0.1' } });
    expect(inPod).toMatchObject({ code: 4, works: false });
    expect(textOf(inPod.of('Endpoints'))).toContain('A poll of all of them could not count');
  });

  it('says what a wait in a pod would do, by its environment', async ({ openSandbox }) => {
    const sandbox = await openSandbox({ mainName: 'pause' });
    const env = { KUBERNETES_SERVICE_HOST: '10.0.0.1', BUILDKIT_DRAIN_TIMEOUT: '58m' };
    const [log, wait] = (await doctor(sandbox, [], { env })).of('Waiting here');
    expect(log).toMatchObject({
      mark: 'degraded',
      text: expect.stringContaining("process 1 is the pod's pause process"),
    });
    expect(wait).toMatchObject({ mark: 'ok', text: expect.stringContaining('gives up after 58m') });
  });

  it('names each setting of the environment that is wrong, and then does not say that it works', async ({
    sandbox,
    buildkitd,
  }) => {
    await buildkitd.listen(tcp);
    const wrong = await doctor(sandbox, [], { env: { BUILDKIT_DRAIN_TIMEOUT: 'never' } });
    expect(wrong).toMatchObject({ code: 2, works: false });
    expect(wrong.of('Waiting here')).toContainEqual(
      expect.objectContaining({
        mark: 'problem',
        text: expect.stringContaining('BUILDKIT_DRAIN_TIMEOUT: expected a duration'),
      }),
    );
    const others = { LOG_FORMAT: 'logfmt', BUILDKIT_DRAIN_TIMOUT: '1h' };
    const odd = await doctor(sandbox, [], { env: others });
    expect(odd).toMatchObject({ code: 0, works: true });
    expect(odd.trouble).toEqual(Array(2).fill('Waiting here: degraded'));
  });

  it.for([
    ['has no version of a release', { version: 'v0.0.0+unknown' }],
    ['may keep no history, and has finished no build', { version: 'v0.99.0', history: 0 }],
  ] as const)(
    'does not hint at TLS where a daemon %s',
    async ([, behaviour], { sandbox, buildkitd }) => {
      await buildkitd.behave(behaviour);
      await buildkitd.listen(tcp);
      const { of, works } = await doctor(sandbox);
      expect(works).toBe(true);
      expect(of('Builds')).toEqual([
        {
          mark: 'degraded',
          text: expect.stringContaining('names no build, which is not accepted'),
          remedy:
            'A wait accepts "none" from this daemon once it has named a running build. ' +
            'Without an answer, the connections alone decide.',
        },
      ]);
    },
  );

  it('hints at TLS where the daemon speaks it, and prints nothing of its files', async ({
    sandbox,
    buildkitd,
  }) => {
    const { ca, sign } = createAuthority(sandbox.directory);
    const server = sign('server', ['IP:127.0.0.1']);
    await buildkitd.listen(tcp, server);
    const told = await doctor(sandbox);
    expect(told).toMatchObject({ code: 0, works: true });
    expect(told.of('Builds')).toEqual([
      {
        mark: 'degraded',
        text: expect.stringContaining(`Asked at ${tcp}: `),
        remedy: expect.stringContaining('give --tls-ca'),
      },
    ]);
    expect(await doctor(sandbox, ['--builds', 'require'])).toMatchObject({ code: 4, works: false });
    const right = await startCli(sandbox, ['doctor', '--tls-ca', ca]);
    const { stdout } = await right.process.ended;
    expect(stdout.replaceAll(/\n {12}/g, ' ')).toContain('says that no build is running');
    const secret = readFileSync(ca, 'utf8').split('\n')[1] ?? '';
    expect(stdout).not.toContain(secret);
  });

  it('is not kept from anything by a folder that can not be written', async ({
    sandbox,
    buildkitd,
  }) => {
    await buildkitd.listen(tcp);
    const told = await doctor(sandbox, [], { env: { TMPDIR: '/nowhere' } });
    expect(told).toMatchObject({ code: 0, trouble: [] });
    expect(textOf(told.of('sock_diag'))).toContain('Unix sockets: not tested');
  });

  it('exits 2 for a usage error', async ({ sandbox }) => {
    const cases = [
      [['--addr', 'nonsense'], '--addr: expected an address such as'],
      [['--interval', '1s'], 'unknown option "--interval"'],
      [['now'], 'too many arguments'],
    ] as const;
    for (const [args, message] of cases) {
      const { code, stdout, stderr } = await (await startCli(sandbox, ['doctor', ...args])).process
        .ended;
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toContain(`buildkit-drain: ${message}`);
    }
  });
});
