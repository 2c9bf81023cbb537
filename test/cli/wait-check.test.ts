import { describe, expect } from 'vitest';
import { startCli } from '../support/cli.ts';
import type { Sandbox } from '../support/sandbox.ts';
import { it } from '../support/test.ts';

const tcp = 'tcp://127.0.0.1:1234';

async function check(sandbox: Sandbox, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const { code, stdout, stderr } = await (
    await startCli(sandbox, ['wait', '--check', ...args], { env })
  ).process.ended;
  const setting = (name: string) =>
    stdout
      .split('\n')
      .find((line) => line.startsWith(`  --${name} `))
      ?.trim()
      .split(/ {2,}/);
  return { code, stdout, stderr, setting };
}

describe.concurrent('wait --check', () => {
  it('says what would be watched and what each setting comes from, and does not wait', async ({
    sandbox,
    daemon,
    clients,
  }) => {
    await daemon.listen(tcp);
    await clients.connect(tcp);
    const env = { BUILDKIT_DRAIN_QUIET_PERIOD: '20s', CHECK_FREQUENCY_MS: '50' };
    const { code, stdout, stderr, setting } = await check(sandbox, ['--timeout=58m'], env);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(setting('timeout')).toEqual(['--timeout', '58m', '--timeout']);
    expect(setting('quiet-period')).toEqual([
      '--quiet-period',
      '20s',
      'BUILDKIT_DRAIN_QUIET_PERIOD',
    ]);
    expect(setting('interval')).toEqual(['--interval', '50', 'CHECK_FREQUENCY_MS']);
    expect(setting('min-wait')).toEqual(['--min-wait', '0s', 'default']);
    expect(stdout).toContain(`\n  ${tcp}\n`);
    expect(stdout).toMatch(/\n {2}Found buildkitd \(pid \d+\), which listens on tcp:/);
    expect(stdout).not.toContain('Problems');
    expect(stdout).toMatch(/\n\nThe settings are valid\.\n$/);
  });

  it('is right where there is no daemon, as in the build of an image', async ({ sandbox }) => {
    const { code, stdout } = await check(sandbox, ['--timeout=58m']);
    expect(code).toBe(0);
    expect(stdout).toContain('tcp://0.0.0.0:1234 (a default: it counts once something listens)');
  });

  it.for([
    [['--timeout=3480'], {}, '--timeout: expected a duration with its unit'],
    [[], { BUILDKIT_DRAIN_ADDR: 'nonsense' }, 'BUILDKIT_DRAIN_ADDR: expected an address'],
    [[], { BUILDKIT_DRAIN_TIMOUT: '58m' }, '(did you mean BUILDKIT_DRAIN_TIMEOUT?)'],
    [['--pid=4000000'], {}, '--pid: expected the pid of a running process'],
    [['--tls-ca=/none'], {}, '--tls-ca: expected a readable PEM file'],
  ] as const)(
    'exits 2 and says what is wrong: %j %j',
    async ([args, env, message], { sandbox }) => {
      for (const where of [{}, { KUBERNETES_SERVICE_HOST: '10.0.0.1' }]) {
        const { code, stdout } = await check(sandbox, args, { ...env, ...where });
        expect(code).toBe(2);
        expect(stdout).toContain('\nProblems\n');
        expect(stdout).toContain(message);
        expect(stdout).toMatch(/\n\n1 setting is wrong\.\n$/);
      }
    },
  );

  it('says the same of words that it does not know, and never waits by mistake', async ({
    sandbox,
    daemon,
    clients,
  }) => {
    await daemon.listen(tcp);
    await clients.connect(tcp);
    const inPod = await check(sandbox, ['--timout=58m'], { KUBERNETES_SERVICE_HOST: '10.0.0.1' });
    expect(inPod.code).toBe(2);
    expect(inPod.stdout).toContain('error: unknown option "--timout" (did you mean --timeout?)');
    const outside = await check(sandbox, ['--timout=58m']);
    expect(outside.code).toBe(2);
    expect(outside.stderr).toContain('buildkit-drain: unknown option "--timout"');
  });

  it('warns of what is not wrong, and exits 0', async ({ sandbox }) => {
    const env = { LOG_FORMAT: 'logfmt', KUBERNETES_SERVICE_HOST: '10.0.0.1' };
    const { code, stdout } = await check(sandbox, [], env);
    expect(code).toBe(0);
    expect(stdout).toContain('  warning: LOG_FORMAT: expected one of json, text');
    expect(stdout).toContain('  warning: No deadline is set.');
    expect(stdout).toMatch(/\n\nThe settings are valid\.\n$/);
  });
});
