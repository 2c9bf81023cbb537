import { readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { startBuildkitd } from '../support/buildkitd.ts';
import { createAuthority } from '../support/certificates.ts';
import { cliPath, type LogLine, parseLog, startCli } from '../support/cli.ts';
import type { Sandbox } from '../support/sandbox.ts';
import { it } from '../support/test.ts';

const tcp = 'tcp://127.0.0.1:1234';
const pod = { KUBERNETES_SERVICE_HOST: '10.0.0.1' };
const quick = ['--quiet-period=200ms', '--interval=20ms', '--builds=off'];

/** What the log says that is worse than an information. */
/** Without those of a machine that is too busy to poll in time. */
function troubles(text: string): [string, string][] {
  return parseLog(text)
    .filter(({ event }) => event !== 'sampling-gap')
    .filter(({ level }) => level === 'warn' || level === 'error')
    .map(({ level, message }) => [level, message]);
}

function started(text: string): LogLine | undefined {
  return parseLog(text).find(({ event }) => event === 'started');
}

/** Runs a hook in a pod to its end, and reads what has become of the container's log. */
async function hook(sandbox: Sandbox, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const options = { env: { ...pod, ...env } };
  const { code } = await (await startCli(sandbox, args, options)).process.ended;
  return { code, log: readFileSync(sandbox.mainLog, 'utf8') };
}

describe.concurrent('a wrong setting of a hook in a pod', () => {
  it.for([
    ['--timeout=3480', '--timeout: expected a duration with its unit', 'the default: none'],
    ['--timeout=soon', '--timeout: expected a duration such as', 'the default: none'],
    ['--max-connections=x', '--max-connections: expected a whole number', 'the default: 0'],
    ['--on-unknown=stop', '--on-unknown: expected one of hold, exit', 'the default: hold'],
    ['--log-level=loud', '--log-level: expected one of debug', 'the default: info'],
    ['--log-to=stdout', '--log-to: expected auto, stderr, pod, or the path', 'the default: auto'],
    ['--ignore-peer=10.0.0.0/33', '--ignore-peer: expected an IP address', 'going on without it'],
    ['--pid=none', '--pid: expected a whole number', 'the default: found'],
    ['--pid=4000000', '--pid: expected the pid of a running process', 'going on without it'],
    ['--timout=58m', 'unknown option "--timout" (did you mean --timeout?)', 'without it'],
    ['--timeout', '--timeout: expected <duration> but received nothing', 'without it'],
    ['-q', 'unknown option "-q"', 'going on without it'],
    ['now', 'unexpected argument "now"', 'going on without it'],
  ] as const)(
    'is an error in the log, and the wait continues: %s',
    async ([arg, message, instead], { sandbox, daemon, clients }) => {
      await daemon.listen(tcp);
      const some = await clients.connect(tcp);
      const wait = await startCli(sandbox, ['wait', ...quick, arg], { env: pod });
      await wait.counted(1);
      await clients.leave(some);
      const { code, outcome } = await wait.ended;
      expect({ code, outcome }).toEqual({ code: 0, outcome: 'drained' });
      const said = troubles(readFileSync(sandbox.mainLog, 'utf8'));
      const errors = said.filter(([level]) => level === 'error').map(([, text]) => text);
      expect(errors).toEqual([expect.stringContaining(message)]);
      expect(errors[0]).toContain(instead);
    },
  );

  // Read leniently, these are the switches that print something and exit 0: at once, with builds running.
  it.for([['--help=no'], ['--version=1'], ['-hq']] as const)(
    'is not taken for a switch that prints and exits: %s',
    async ([arg], { sandbox, daemon, clients }) => {
      await daemon.listen(tcp);
      const some = await clients.connect(tcp);
      const wait = await startCli(sandbox, ['wait', ...quick, arg], { env: pod });
      await wait.counted(1);
      await clients.leave(some);
      const { code, outcome } = await wait.ended;
      expect({ code, outcome }).toEqual({ code: 0, outcome: 'drained' });
      const said = troubles(readFileSync(sandbox.mainLog, 'utf8'));
      expect(said).toContainEqual(['error', expect.stringContaining('going on without it')]);
    },
  );

  it('does not keep the right ones from being heeded', async ({ sandbox, daemon, clients }) => {
    await daemon.listen(tcp);
    await clients.connect(tcp);
    const args = ['now', '--bogus', '--interval=fast', '--timeout', '300ms', '--max-connections=0'];
    const env = { BUILDKIT_DRAIN_PROGRESS_EVERY: '5', BUILDKIT_DRAIN_MIN_WAIT: '20ms' };
    const { code, log } = await hook(sandbox, ['wait', ...args, '--builds=off'], env);
    expect(code).toBe(3);
    expect(started(log)).toMatchObject({
      settings: { timeoutMs: 300, minWaitMs: 20, intervalMs: 100 },
    });
    expect(troubles(log).map(([level]) => level)).toEqual(Array(5).fill('error'));
  });

  it('never takes an address away: a list with a bad one is no list', async ({
    sandbox,
    daemon,
    clients,
  }) => {
    await daemon.listen(tcp);
    await daemon.listen('tcp://127.0.0.1:8372');
    await clients.connect('tcp://127.0.0.1:8372');
    const env = { BUILDKIT_DRAIN_ADDR: `${tcp},8372` };
    const { code, log } = await hook(sandbox, ['wait', ...quick, '--timeout=300ms'], env);
    expect(code).toBe(3);
    expect(started(log)).toMatchObject({ connections: 1 });
  });

  it('is only the part of a list that is not empty', async ({ sandbox, daemon }) => {
    await daemon.listen(tcp);
    const env = { BUILDKIT_DRAIN_ADDR: `${tcp},` };
    const { code, log } = await hook(sandbox, ['wait', ...quick, '--timeout=1m'], env);
    expect({ code, troubles: troubles(log) }).toEqual({ code: 0, troubles: [] });
  });
});

describe.concurrent('a variable that others set', () => {
  it.for([
    ['LOG_FORMAT', 'logfmt', 'expected one of json, text'],
    ['CHECK_FREQUENCY_MS', '5s', 'expected a whole number from 1'],
    ['WAIT_UNTIL_NO_BUILDS_SEEN_FOR_X_SECONDS', '-1', 'expected a whole number from 0'],
  ] as const)(
    'and that does not fit is a warning and the default, in a pod or not: %s=%s',
    async ([variable, value, message], { sandbox, daemon }) => {
      await daemon.listen(tcp);
      for (const where of [{}, pod]) {
        const env = { ...where, [variable]: value };
        const args = ['wait', '--addr', tcp, '--builds=off', '--timeout=300ms'];
        const { code, stderr } = await (await startCli(sandbox, args, { env })).process.ended;
        expect(code).toBe(3);
        expect(started(stderr)).toMatchObject({
          settings: { intervalMs: 100, quietPeriodMs: 10_000 },
        });
        expect(troubles(stderr).filter(([level]) => level === 'warn')).toEqual([
          ['warn', expect.stringContaining(`${variable}: ${message}`)],
        ]);
      }
    },
  );

  it('as DEBUG=express:* is no word to us', async ({ sandbox, daemon }) => {
    await daemon.listen(tcp);
    const env = { DEBUG: 'express:*' };
    const { code, log } = await hook(sandbox, ['wait', ...quick, '--timeout=1m'], env);
    expect({ code, troubles: troubles(log) }).toEqual({ code: 0, troubles: [] });
    expect(parseLog(log).filter(({ level }) => level === 'debug')).toEqual([]);
  });

  it('and that resembles an option causes a warning with a suggestion', async ({
    sandbox,
    daemon,
  }) => {
    await daemon.listen(tcp);
    const env = {
      BUILDKIT_DRAIN_TIMOUT: '58m',
      // As Kubernetes sets them for a Service called buildkit-drain.
      BUILDKIT_DRAIN_SERVICE_HOST: '10.0.0.2',
      BUILDKIT_DRAIN_PORT: 'tcp://10.0.0.2:9234',
      BUILDKIT_DRAIN_PORT_9234_TCP_ADDR: '10.0.0.2',
    };
    const { code, log } = await hook(sandbox, ['wait', ...quick, '--timeout=1m'], env);
    expect(code).toBe(0);
    expect(troubles(log)).toEqual([
      [
        'warn',
        'BUILDKIT_DRAIN_TIMOUT is not a setting of buildkit-drain (did you mean ' +
          'BUILDKIT_DRAIN_TIMEOUT?); going on without it.',
      ],
    ]);
  });
});

describe.concurrent('a wait without a deadline', () => {
  it.for([
    ['in a pod is one warning, with what to set', pod, [], 1],
    ['in a pod, with a deadline, is none', pod, ['--timeout=1m'], 0],
    ['elsewhere is none', {}, [], 0],
  ] as const)('%s', async ([, env, args, count], { sandbox, daemon }) => {
    await daemon.listen(tcp);
    const cli = await startCli(sandbox, ['wait', ...quick, ...args], { env });
    const { code, stderr } = await cli.process.ended;
    expect(code).toBe(0);
    const said = troubles(stderr).filter(([, message]) => message.includes('--timeout'));
    expect(said).toEqual(
      Array(count).fill(['warn', expect.stringContaining('No deadline is set')]),
    );
  });
});

describe.concurrent('an error that ends a command which runs as a hook', () => {
  it.for([
    [['serve', '--listen=9234'], 2, '--listen: expected an IP address and a port'],
    [['serve', '--bogus'], 2, 'unknown option "--bogus"'],
    [['run', '--interval=5', '--', 'true'], 2, '--interval: expected a duration with its unit'],
    [['run', '--', '/no/such/program'], 127, '"/no/such/program" cannot be started'],
    [['ready', '--tls-ca=/none'], 2, '--tls-ca: expected a readable PEM file'],
    [['ready', '--bogus'], 2, 'unknown option "--bogus"'],
  ] as const)('is in the container’s log: %j', async ([args, exitCode, message], { sandbox }) => {
    const { code, log } = await hook(sandbox, args);
    expect(code).toBe(exitCode);
    expect(parseLog(log)).toMatchObject([{ level: 'error', event: 'failed', exitCode }]);
    expect(log).toContain(JSON.stringify(message).slice(1, -1));
  });

  it('is in the form that the log has', async ({ sandbox }) => {
    const args = ['serve', '--bogus', '--log-format=text', '--log-prefix=[drain]'];
    const { code, log } = await hook(sandbox, args);
    expect(code).toBe(2);
    expect(log).toMatch(/^\S+Z error \[drain\] buildkit-drain ends with exit code 2: .*--bogus"/);
  });

  it('is in the log’s file, and outside of a pod in words', async ({ sandbox }) => {
    const path = join(sandbox.directory, 'log');
    const { code, stderr } = await (await startCli(sandbox, ['--bogus', '--log-to', path])).process
      .ended;
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: 'buildkit-drain: unknown option "--bogus"\nTry: buildkit-drain wait --help\n',
    });
    expect(parseLog(readFileSync(path, 'utf8'))).toMatchObject([{ event: 'failed', exitCode: 2 }]);
  });

  it('is for the reader alone on a terminal, in a pod too', async ({ sandbox }) => {
    // script(1) gives it one.
    const command = `${process.execPath} ${cliPath} wait --bogus`;
    const through = ['script', '-qec', command, '/dev/null'];
    const ended = await (await sandbox.start(through, { env: pod })).ended;
    expect(ended.code).toBe(2);
    expect(ended.stdout).toContain('buildkit-drain: unknown option "--bogus"');
    expect(readFileSync(sandbox.mainLog, 'utf8')).toBe('');
  });
});

describe.concurrent('files for TLS that can not be read', () => {
  const missing = ['--tls-ca=/none'];

  it.for([
    ['in a pod', pod],
    ['outside', {}],
  ] as const)('do not end a wait, %s', async ([, env], { sandbox, daemon, clients }) => {
    await daemon.listen(tcp);
    const some = await clients.connect(tcp);
    const args = ['wait', '--quiet-period=200ms', '--interval=20ms', '--log-to=stderr'];
    const wait = await startCli(sandbox, [...args, '--addr', tcp, ...missing], { env });
    await wait.counted(1);
    const { builds, message } = await wait.event('builds');
    expect({ builds, message }).toEqual({
      builds: null,
      message: expect.stringContaining('--tls-ca: expected a readable PEM file (ENOENT'),
    });
    await clients.leave(some);
    const { code, outcome, stderr } = await wait.ended;
    expect({ code, outcome }).toEqual({ code: 0, outcome: 'drained' });
    expect(troubles(stderr)[0]).toEqual([
      'error',
      expect.stringContaining('--tls-ca: expected a readable PEM file'),
    ]);
  });

  it('hold a wait with --builds=require to its deadline', async ({ sandbox, daemon }) => {
    await daemon.listen(tcp);
    const args = ['wait', '--addr', tcp, '--quiet-period=100ms', '--builds=require'];
    const { code, log } = await hook(sandbox, [...args, '--timeout=2s', ...missing]);
    expect(code).toBe(4);
    expect(parseLog(log).at(-1)).toMatchObject({ event: 'ended', outcome: 'unknown' });
    expect(parseLog(log).at(-1)?.message).toContain('--tls-ca: expected a readable PEM file');
  });

  it('are read as soon as they are there', async ({ sandbox }) => {
    const authority = createAuthority(sandbox.directory);
    const certificate = authority.sign('server', ['IP:127.0.0.1']);
    const buildkitd = await startBuildkitd(sandbox);
    await buildkitd.listen(tcp, { ...certificate, ca: authority.ca });
    await buildkitd.begin('one');
    const late = join(sandbox.directory, 'late.pem');
    const args = ['wait', '--addr', tcp, '--quiet-period=100ms', '--builds=require'];
    const shown = [`--tls-cert=${certificate.cert}`, `--tls-key=${certificate.key}`];
    const wait = await startCli(sandbox, [...args, ...shown, `--tls-ca=${late}`]);
    expect((await wait.event('builds')).message).toContain('expected a readable PEM file');
    renameSync(authority.ca, late);
    expect(await wait.event('builds', 1)).toMatchObject({ builds: [{ ref: 'one' }] });
    await buildkitd.end('one');
    expect(await wait.ended).toMatchObject({ code: 0, outcome: 'drained' });
  });
});
