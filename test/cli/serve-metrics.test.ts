import { describe, expect } from 'vitest';
import { openBackend, parseEndpoint } from '../../src/index.ts';
import { startBuildkitd } from '../support/buildkitd.ts';
import { startCli } from '../support/cli.ts';
import { startClients } from '../support/peer-process.ts';
import { parseExposition } from '../support/prometheus.ts';
import { it, type Serve, startServe } from '../support/serve.ts';
import { waitFor } from '../support/wait-for.ts';

const procfs = openBackend('procfs');
const openMetrics = 'application/openmetrics-text; version=1.0.0; charset=utf-8';
const plainText = 'text/plain; version=0.0.4; charset=utf-8';

/** The samples of a scrape, by name and labels. */
async function scrape(serve: Serve): Promise<ReadonlyMap<string, number>> {
  const { body } = await serve.get('/metrics', { headers: { accept: openMetrics } });
  return new Map(
    parseExposition('openmetrics', body).flatMap(({ samples }) =>
      samples.map(({ name, labels, value }) => {
        const values = Object.values(labels);
        return [
          `${name.replace('buildkit_drain_', '')} ${values.join(' ')}`.trim(),
          value,
        ] as const;
      }),
    ),
  );
}

describe.concurrent('GET /metrics', () => {
  it('is OpenMetrics on request, as its reference parser reads it', async ({ served }) => {
    await served.clients.connect(served.address, 2);
    const serve = await served.serve();
    const accept =
      'application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2';
    const { status, headers, body } = await serve.get('/metrics', { headers: { accept } });
    expect([status, headers['content-type']]).toEqual([200, openMetrics]);
    expect(body.endsWith('\n# EOF\n')).toBe(true);
    const families = parseExposition('openmetrics', body);
    const shape = families.map(({ name, type, unit }) => [name, type, unit]);
    expect(shape).toEqual([
      ['buildkit_drain_clients', 'gauge', ''],
      ['buildkit_drain_ignored_connections', 'gauge', ''],
      ['buildkit_drain_oldest_client_seconds', 'gauge', 'seconds'],
      ['buildkit_drain_sample', 'stateset', ''],
      ['buildkit_drain_sample_age_seconds', 'gauge', 'seconds'],
      ['buildkit_drain_connections_between_polls', 'counter', ''],
      ['buildkit_drain_time_to_idle_seconds', 'histogram', 'seconds'],
      ['buildkit_drain_wait', 'stateset', ''],
      ['buildkit_drain_waits', 'counter', ''],
      ['buildkit_drain_quiet_period_seconds', 'gauge', 'seconds'],
      ['buildkit_drain_samples', 'counter', ''],
      ['buildkit_drain_samples_failed', 'counter', ''],
      ['buildkit_drain_build', 'info', ''],
      ['process_start_time_seconds', 'gauge', 'seconds'],
      ['process_cpu_seconds', 'counter', 'seconds'],
      ['process_resident_memory_bytes', 'gauge', 'bytes'],
      ['process_virtual_memory_bytes', 'gauge', 'bytes'],
      ['process_open_fds', 'gauge', ''],
      ['process_max_fds', 'gauge', ''],
      ['process_threads', 'gauge', ''],
    ]);
    expect(families[0]?.samples).toEqual([
      { name: 'buildkit_drain_clients', labels: { endpoint: served.address }, value: 2 },
    ]);
  });

  it.for([undefined, '*/*', 'text/html', 'application/openmetrics-text;version=2.0.0'])(
    'is the older text format if Accept is %s',
    async (accept, { served }) => {
      const serve = await served.serve();
      const { headers, body } = await serve.get('/metrics', { headers: accept ? { accept } : {} });
      expect(headers['content-type']).toBe(plainText);
      const families = parseExposition('prometheus', body);
      expect(families.every(({ type }) => ['gauge', 'counter', 'histogram'].includes(type))).toBe(
        true,
      );
      const names = families.flatMap(({ samples }) => samples.map(({ name }) => name));
      expect(names).toContain('buildkit_drain_samples_total');
      expect(names).toContain('buildkit_drain_build_info');
    },
  );

  it('tells what the process uses', async ({ served }) => {
    const serve = await served.serve('--timeout', '1h');
    const samples = await scrape(serve);
    const of = (name: string): number => samples.get(name) ?? Number.NaN;
    expect(of('process_cpu_seconds_total')).toBeGreaterThan(0);
    expect(of('process_resident_memory_bytes')).toBeGreaterThan(10 * 1024 * 1024);
    expect(of('process_virtual_memory_bytes')).toBeGreaterThan(of('process_resident_memory_bytes'));
    expect(of('process_open_fds')).toBeGreaterThan(3);
    expect(of('process_max_fds')).toBeGreaterThan(of('process_open_fds'));
    expect(of('process_threads')).toBeGreaterThan(1);
    expect(of('wait_deadline_seconds')).toBe(3600);
  });

  it('escapes quotes and backslashes in an address', async ({ sandbox, served }) => {
    const address = `unix:///run/${process.pid}-"\\n\\".sock`;
    await served.daemon.listen(address);
    const serve = await startServe(sandbox, ['--builds', 'off', '--addr', address]);
    expect(await scrape(serve)).toContainEqual([`clients ${address}`, 0]);
  });

  it('leaves out unknown values', async ({ served }) => {
    const serve = await served.serve();
    expect(await scrape(serve)).toContainEqual([`clients ${served.address}`, 0]);
    await served.daemon.unlisten(served.address);
    // Its clients are at another address than was given.
    const { address } = await served.daemon.listen('tcp://127.0.0.1:0');
    await served.clients.connect(address);
    const samples = await waitFor('a poll that fails', async () => {
      const scraped = await scrape(serve);
      return scraped.get('sample failed') === 1 && scraped;
    });
    const known = /^(clients|ignored|oldest|builds)/;
    expect([...samples.keys()].filter((name) => known.test(name))).toEqual([]);
    expect(samples).toContainEqual(['sample counted', 0]);
    expect(samples.get('samples_failed_total')).toBeGreaterThan(0);
    expect(samples.get('samples_total')).toBeGreaterThan(samples.get('samples_failed_total') ?? 0);
  });

  it('reports how many builds run, and nothing if the daemon does not answer', async ({
    sandbox,
  }) => {
    const daemon = await startBuildkitd(sandbox, { namespaces: ['pid', 'mount'] });
    const address = await daemon.listen('tcp://127.0.0.1:0');
    await daemon.behave({ history: 1 });
    await daemon.begin('one', 'two');
    const serve = await startServe(sandbox, ['--addr', address]);
    // The daemon of a busy machine may not answer in time; then there is no number.
    const untilRunning = (count: number): Promise<unknown> =>
      waitFor(`${count} builds`, async () => (await scrape(serve)).get('builds_running') === count);
    await untilRunning(2);
    expect(await scrape(serve)).toContainEqual([`clients ${address}`, 0]);
    await daemon.end('one', 'two');
    await untilRunning(0);
    await daemon.behave({ answer: 'unimplemented' });
    // What may begin a build brings the next question.
    await (await startClients(sandbox, { namespaces: ['pid', 'mount'] })).connect(address);
    await waitFor('no answer', async () => !(await scrape(serve)).has('builds_running'));
  });

  it('asks the daemon nothing during a wait, which would count the question as a client', async ({
    sandbox,
  }) => {
    const daemon = await startBuildkitd(sandbox, { namespaces: ['pid', 'mount'] });
    const address = await daemon.listen('tcp://127.0.0.1:0');
    const args = ['--addr', address, '--interval', '1h', '--quiet-period', '1h'];
    const serve = await startServe(sandbox, args);
    const { reply, hangUp } = serve.call('/drain');
    const hungUp = expect(reply).rejects.toThrow();
    expect((await serve.cli.event('builds'))['builds']).toEqual([]);
    await daemon.behave({ answer: 'unimplemented' });
    const { body } = await serve.get('/connections');
    expect(JSON.parse(body)).toMatchObject({ builds: [] });
    expect(await scrape(serve)).toContainEqual(['builds_running', 0]);
    hangUp();
    await hungUp;
  });

  it('begins a wait when the connection of the last question is closed', async ({ sandbox }) => {
    const daemon = await startBuildkitd(sandbox, { namespaces: ['pid', 'mount'] });
    const address = await daemon.listen('tcp://127.0.0.1:0');
    await daemon.behave({ delayMs: -1 });
    const serve = await startServe(sandbox, ['--addr', address]);
    const status = serve.get('/connections');
    const endpoint = procfs.open(parseEndpoint(address));
    await waitFor('the question', () => endpoint.poll().connections.length > 0);
    const { reply, hangUp } = serve.call('/drain');
    const hungUp = expect(reply).rejects.toThrow();
    expect(await serve.cli.event('started')).toMatchObject({ connections: 0 });
    expect((await status).status).toBe(200);
    hangUp();
    await hungUp;
  });

  it("takes the wait's own last reading while one is under way", async ({ served }) => {
    const some = await served.clients.connect(served.address);
    const serve = await served.serve('--quiet-period', '1h', '--interval', '1h', '--timeout', '1d');
    const { reply, hangUp } = serve.call('/drain');
    const hungUp = expect(reply).rejects.toThrow();
    await serve.cli.counted(1);
    const before = await scrape(serve);
    expect(before).toContainEqual([`clients ${served.address}`, 1]);
    expect(before).toContainEqual(['wait waiting', 1]);
    expect(before).toContainEqual(['quiet_seconds', 0]);
    const left = 24 * 3600 - (before.get('waited_seconds') ?? 0);
    expect(before.get('wait_left_seconds')).toBeCloseTo(left, 3);
    const after = await scrape(serve);
    expect(after.get('samples_total')).toBe(before.get('samples_total'));
    expect(after.get('waited_seconds')).toBeGreaterThan(before.get('waited_seconds') ?? Infinity);
    await served.clients.leave(some);
    await waitFor(
      'no client',
      async () => (await scrape(serve)).get(`clients ${served.address}`) === 0,
    );
    hangUp();
    await hungUp;
  });

  it('reports how long quiet has lasted', async ({ served }) => {
    const serve = await served.serve('--quiet-period', '1h');
    const { reply, hangUp } = serve.call('/drain');
    const hungUp = expect(reply).rejects.toThrow();
    await waitFor(
      'some quiet',
      async () => ((await scrape(serve)).get('quiet_seconds') ?? 0) > 0.3,
    );
    hangUp();
    await hungUp;
  });

  it('tells by time how long a drain would have waited', async ({ served }) => {
    const serve = await served.serve();
    const some = await served.clients.connect(served.address);
    const of = async (le: string) => (await scrape(serve)).get(`time_to_idle_seconds_bucket ${le}`);
    await waitFor('two busy seconds', async () => ((await of('+Inf')) ?? 0) >= 3);
    // It is not over yet: only the idle time before it is in a bucket.
    expect(await of('30.0')).toBeLessThan(2);
    await served.clients.leave(some);
    await waitFor('its end', async () => ((await of('30.0')) ?? 0) >= 2);
    const samples = await scrape(serve);
    const count = samples.get('time_to_idle_seconds_count') ?? 0;
    expect(samples.get('time_to_idle_seconds_bucket 14400.0')).toBe(count);
    expect(samples.get('time_to_idle_seconds_bucket 0.0')).toBeLessThanOrEqual(count - 1);
    expect(samples.get('time_to_idle_seconds_sum')).toBeGreaterThan(1);
  });

  it('reports afterwards how the wait ended', async ({ served }) => {
    const serve = await served.serve();
    await serve.get('/drain');
    const samples = await scrape(serve);
    expect(samples).toContainEqual(['wait drained', 1]);
    expect(samples).toContainEqual(['waits_total drained', 1]);
    expect(samples.has('quiet_seconds')).toBe(false);
    expect(samples.has('waited_seconds')).toBe(false);
  });
});

describe.concurrent('serve', () => {
  it('lists connections like `status --json`', async ({ served }) => {
    await served.clients.connect(served.address, 2);
    const serve = await served.serve();
    const { status, headers, body } = await serve.get('/connections');
    expect([status, headers['content-type']]).toEqual([200, 'application/json; charset=utf-8']);
    const args = ['status', '--json', '--builds', 'off', '--addr', served.address];
    const namespaces = ['pid', 'mount'] as const;
    const { stdout } = await (await startCli(served.sandbox, args, { namespaces })).process.ended;
    // Ages grow from one poll to the next.
    const timeless = (text: string): string => text.replace(/"(\w+Ms)":\d+/g, '"$1":0');
    expect(JSON.parse(body).connections).toBe(2);
    expect(timeless(body)).toBe(timeless(stdout));
  });

  it('is ready while clients can be counted, and gives the reason otherwise', async ({
    served,
  }) => {
    const serve = await served.serve();
    const seeing = await serve.get('/readyz');
    const { sampleAgeMs, ...answer } = JSON.parse(seeing.body);
    expect([seeing.status, answer]).toEqual([200, { state: 'counted', error: null }]);
    expect(sampleAgeMs).toBeLessThanOrEqual(1000);
    await served.daemon.unlisten(served.address);
    // Its clients are at another address than was given.
    const { address } = await served.daemon.listen('tcp://127.0.0.1:0');
    await served.clients.connect(address);
    const blind = await waitFor('a poll that fails', async () => {
      const reply = await serve.get('/readyz');
      return reply.status !== 200 && reply;
    });
    expect(blind.status).toBe(503);
    expect(JSON.parse(blind.body).error.message).toContain(`nothing listens on ${served.address}`);
    expect((await serve.get('/healthz')).status).toBe(200);
  });
});
