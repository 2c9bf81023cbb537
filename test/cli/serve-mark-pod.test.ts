import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import type { KubeApi } from '../support/kube-api.ts';
import { it } from '../support/kube-pod.ts';
import { type ServeFixture, startServe } from '../support/serve.ts';
import { waitFor } from '../support/wait-for.ts';

const label = 'buildkit-drain/busy';

const start = (
  { sandbox, address }: ServeFixture,
  kube: KubeApi,
  args: readonly string[] = ['--mark-pod'],
  env: Readonly<Record<string, string>> = {},
) =>
  startServe(sandbox, ['--builds', 'off', '--addr', address, ...args], {
    env: { ...kube.env, ...env },
  });

const marked = (kube: KubeApi, value: string) =>
  waitFor(`the label ${value}`, () => kube.metadata().labels[label] === value);

describe.concurrent('serve --mark-pod', () => {
  it('marks the own pod as busy at the start, as idle after the quiet period, and at each edge', async ({
    served,
    kube,
  }) => {
    const serve = await start(served, kube);
    await marked(kube, 'true');
    await marked(kube, 'false');
    const some = await served.clients.connect(served.address);
    await marked(kube, 'true');
    expect(kube.metadata().annotations).toMatchObject({ 'karpenter.sh/do-not-disrupt': 'true' });
    await served.clients.leave(some);
    await marked(kube, 'false');
    await serve.cli.event('pod-marked', 3);
    await serve.cli.process.signal('SIGTERM');
    const { code, logs } = await serve.cli.ended;
    expect(code).toBe(0);
    const marks = logs.filter(({ event }) => event === 'pod-marked').map(({ mark }) => mark);
    expect(marks).toEqual(['busy', 'idle', 'busy', 'idle']);
    expect(kube.versions).toHaveLength(4);
  });

  it('takes for busy what cannot be counted', async ({ served, kube }) => {
    // The daemon is there, so nothing that listens at this address is a wrong address.
    const serve = await start({ ...served, address: 'tcp://127.0.0.1:9' }, kube);
    await marked(kube, 'true');
    expect((await serve.get('/readyz')).status).toBe(503);
    await delay(2000);
    expect(kube.metadata().labels[label]).toBe('true');
    expect(kube.versions).toHaveLength(1);
  });

  it('warns where the right is missing, and serves on', async ({ served, kube }) => {
    kube.fail((method) => (method === 'PATCH' ? { status: 403, message: 'forbidden' } : null));
    const serve = await start(served, kube);
    const warning = await serve.cli.event('pod-mark-failed');
    expect(warning).toMatchObject({ level: 'warn', mark: 'busy', error: { code: 'ERR_API_403' } });
    expect(warning.message).toContain('add the verb "patch" on "pods" to its Role');
    expect((await serve.get('/drain')).status).toBe(200);
  });

  it('ends at once while the API server hangs', async ({ served, kube }) => {
    kube.fail(() => 'hang');
    const serve = await start(served, kube);
    const beganMs = performance.now();
    await serve.cli.process.signal('SIGTERM');
    expect((await serve.cli.ended).code).toBe(0);
    expect(performance.now() - beganMs).toBeLessThan(4000);
  });

  it('does not hold a command that cannot begin', async ({ served, kube }) => {
    kube.fail(() => 'hang');
    const beganMs = performance.now();
    const failed = start(served, kube, ['--mark-pod', '--pid', '4000000']);
    await expect(failed).rejects.toThrow('--pid: expected the pid of a running process');
    expect(performance.now() - beganMs).toBeLessThan(8000);
  });

  it('is on by its variable, and off by default', async ({ served, kube }) => {
    const off = await start(served, kube, []);
    await off.get('/healthz');
    await off.cli.process.signal('SIGTERM');
    await off.cli.ended;
    expect(kube.requests).toEqual([]);
    await start(served, kube, [], { BUILDKIT_DRAIN_MARK_POD: 'true' });
    await marked(kube, 'true');
  });

  it.for([
    ['without POD_NAME', { POD_NAME: '' }, '--mark-pod: POD_NAME is not set: add to the container'],
    [
      'outside of a cluster',
      { KUBERNETES_SERVICE_HOST: '' },
      '--mark-pod: KUBERNETES_SERVICE_HOST is not set',
    ],
    [
      'with another value',
      { BUILDKIT_DRAIN_MARK_POD: 'yes' },
      'BUILDKIT_DRAIN_MARK_POD: expected one of false, true but received',
    ],
  ] as const)('is a usage error %s', async ([, env, text], { served, kube }) => {
    const args = 'BUILDKIT_DRAIN_MARK_POD' in env ? [] : ['--mark-pod'];
    const failed = start(served, kube, args, env);
    await expect(failed).rejects.toThrow(text);
  });
});
