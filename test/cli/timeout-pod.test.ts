import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { startCli, startWait } from '../support/cli.ts';
import type { KubeApi } from '../support/kube-api.ts';
import { it } from '../support/kube-pod.ts';
import { type ServeFixture, startServe } from '../support/serve.ts';

// In the network of the tests, where the API server is.
const namespaces = ['pid', 'mount'] as const;

const start = (
  { sandbox, address }: ServeFixture,
  kube: KubeApi,
  timeout: string,
  env: Readonly<Record<string, string>> = {},
) =>
  startWait(sandbox, ['--addr', address, `--timeout=${timeout}`], {
    ...{ namespaces, env: { ...kube.env, ...env } },
  });

describe.concurrent('--timeout=pod', () => {
  it('ends the wait before the pod, by its grace period as that was set', async ({
    served,
    kube,
  }) => {
    await served.clients.connect(served.address);
    kube.deletePod(8);
    const wait = await start(served, kube, 'pod,1h');
    const told = await wait.event('pod-deadline');
    expect(told).toMatchObject({ level: 'info', source: 'pod', graceMs: 8000, error: null });
    const timeoutMs = Number(told['timeoutMs']);
    // Half of it is left. Both times are in whole seconds.
    expect(timeoutMs).toBeLessThan(5100);
    const { code, outcome, logs } = await wait.ended;
    expect({ code, outcome }).toEqual({ code: 3, outcome: 'timed-out' });
    const waitedMs = Number(logs.at(-1)?.['waitedMs']);
    expect(waitedMs).toBeGreaterThanOrEqual(timeoutMs - 1);
    expect(waitedMs).toBeLessThan(timeoutMs + 2000);
  });

  it('counts the time that the answer took', async ({ served, kube }) => {
    kube.fail(() => ({ delayMs: 1500 }));
    kube.deletePod(60);
    const wait = await start(served, kube, 'pod,1h');
    await served.clients.connect(served.address);
    const { timestamp: startedAt, waitedMs } = await wait.event('started');
    const { timestamp: answeredAt, timeoutMs } = await wait.event('pod-deadline');
    const answeredMs = Date.parse(answeredAt);
    const tookMs = answeredMs - Date.parse(startedAt) + Number(waitedMs);
    expect(tookMs).toBeGreaterThanOrEqual(1500);
    const goneMs = Date.parse(kube.metadata().deletionTimestamp ?? '');
    const expectedMs = tookMs + goneMs - Math.floor(answeredMs / 1000) * 1000 - 10_000;
    // The server tells its time in whole seconds.
    expect(Math.abs(Number(timeoutMs) - expectedMs)).toBeLessThan(1100);
  });

  it('lets the wait go on beyond the fallback', async ({ served, kube }) => {
    const some = await served.clients.connect(served.address);
    kube.deletePod(3600);
    const wait = await start(served, kube, 'pod,3s');
    expect(await wait.event('pod-deadline')).toMatchObject({ source: 'pod' });
    await delay(3500);
    expect(wait.process.hasEnded()).toBe(false);
    await served.clients.leave(some);
    expect(await wait.ended).toMatchObject({ code: 0, outcome: 'drained' });
  });

  it.for([
    ['is not being deleted', (kube: KubeApi) => kube.change({}), {}, 'info', 'not being deleted'],
    ['should be gone', (kube: KubeApi) => kube.deletePod(-60), {}, 'warn', 'gone by now'],
    [
      'may not be read',
      (kube: KubeApi) => kube.fail(() => ({ status: 403 })),
      {},
      'warn',
      'add the verb "get" on "pods" to its Role',
    ],
    [
      'cannot be asked for',
      (kube: KubeApi) => kube.fail(() => 'hang'),
      {},
      'warn',
      'did not answer',
    ],
    ['has no name', () => {}, { POD_NAME: '' }, 'warn', 'POD_NAME is not set'],
    ['is outside of a cluster', () => {}, { KUBERNETES_SERVICE_HOST: '' }, 'warn', 'not set'],
  ] as const)(
    'is the fallback, and says so, if the pod %s',
    async ([, prepare, env, level, text], { served, kube }) => {
      await served.clients.connect(served.address);
      prepare(kube);
      const wait = await start(served, kube, 'pod,4s', env);
      const told = await wait.event('pod-deadline');
      expect(told).toMatchObject({ level, source: 'fallback', timeoutMs: 4000, graceMs: null });
      expect(told.message).toContain(text);
      const { code, logs } = await wait.ended;
      expect(code).toBe(3);
      expect(logs[0]).toMatchObject({ event: 'started', connections: 1 });
      const waitedMs = Number(logs.at(-1)?.['waitedMs']);
      expect(waitedMs).toBeGreaterThanOrEqual(4000);
      expect(waitedMs).toBeLessThan(6000);
    },
  );

  it('neither delays the first poll nor the end while the API server hangs', async ({
    served,
    kube,
  }) => {
    kube.fail(() => 'hang');
    const wait = await start(served, kube, 'pod,1h');
    const { code, logs } = await wait.ended;
    expect(code).toBe(0);
    expect(logs.map(({ event }) => event)).toEqual(['started', 'ended']);
  });

  it('without a fallback warns that there is no deadline', async ({ served, kube }) => {
    const some = await served.clients.connect(served.address);
    const wait = await start(served, kube, 'pod');
    const told = await wait.event('pod-deadline');
    expect(told).toMatchObject({ level: 'warn', source: 'fallback', timeoutMs: null });
    expect(told.message).toContain('without a deadline');
    await served.clients.leave(some);
    expect((await wait.ended).outcome).toBe('drained');
  });

  it('is for serve as well, in each wait anew', async ({ served, kube }) => {
    const args = ['--builds', 'off', '--addr', served.address, '--timeout=pod,1h'];
    const serve = await startServe(served.sandbox, args, { env: kube.env });
    await served.clients.connect(served.address);
    kube.deletePod(8);
    const deadline = async (): Promise<number> => {
      const { body } = await serve.get('/metrics');
      return Number(/^buildkit_drain_wait_deadline_seconds (.*)$/m.exec(body)?.[1]);
    };
    expect(await deadline()).toBe(3600);
    const { reply } = serve.call('/drain');
    const { timeoutMs } = await serve.cli.event('pod-deadline');
    expect(await deadline()).toBeCloseTo(Number(timeoutMs) / 1000, 2);
    expect(JSON.parse((await reply).body)).toMatchObject({ outcome: 'timed-out' });
    expect(await deadline()).toBe(3600);
    kube.deletePod(4);
    expect((await serve.get('/drain')).status).toBe(503);
    const logs = serve.cli.logs().filter(({ event }) => event === 'pod-deadline');
    expect(logs.map(({ graceMs }) => graceMs)).toEqual([8000, 4000]);
  });

  it('is for run as well', async ({ served, kube }) => {
    const args = [
      '--builds',
      'off',
      '--quiet-period',
      '1m',
      '--log-to',
      'stderr',
      '--log-level',
      'debug',
    ];
    kube.deletePod(6);
    const run = await startCli(
      served.sandbox,
      ['run', ...args, '--addr', served.address, '--timeout=pod,1h', '--', '/bin/sleep', '60'],
      { namespaces, env: kube.env },
    );
    await run.event('run-started');
    await run.process.signal('SIGTERM');
    expect(await run.event('pod-deadline')).toMatchObject({ source: 'pod', graceMs: 6000 });
    expect((await run.process.ended).stderr).toContain('"outcome":"timed-out"');
  });

  it('is tried by wait --check', async ({ served, kube }) => {
    const check = async (): Promise<{ code: number | null; stdout: string }> => {
      const args = ['wait', '--check', '--timeout=pod', '--addr', served.address];
      const options = { namespaces, env: kube.env };
      return (await startCli(served.sandbox, args, options)).process.ended;
    };
    const right = await check();
    expect(right.code).toBe(0);
    expect(right.stdout).not.toMatch(/deadline/i);
    kube.fail(() => ({ status: 403 }));
    const refused = await check();
    expect(refused.code).toBe(0);
    expect(refused.stdout).toContain('warning: The deadline of this pod is unknown: the service');
  });

  it.for(['pod,', 'pod,58', 'pods', 'pod,pod', 'pod 58m'])(
    'is a mistake as %j',
    async (timeout, { served, kube }) => {
      const env = { BUILDKIT_DRAIN_TIMEOUT: timeout };
      const args = ['wait', '--check'];
      const { code, stdout } = await (
        await startCli(served.sandbox, args, { env: { ...kube.env, ...env } })
      ).process.ended;
      expect(code).toBe(2);
      expect(stdout).toContain('BUILDKIT_DRAIN_TIMEOUT: expected a duration');
    },
  );
});
