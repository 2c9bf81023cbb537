// A real Prometheus that scrapes a real `serve` every two seconds.
import { expect } from 'vitest';
import { startBuildkitd, startClient } from '../support/buildkitd.ts';
import { queriesOf, readDashboard } from '../support/dashboard.ts';
import { type PrometheusServer, startPrometheus } from '../support/prometheus-server.ts';
import { startServe } from '../support/serve.ts';
import { it } from '../support/test.ts';
import { waitFor } from '../support/wait-for.ts';

const namespaces = ['pid', 'mount'] as const;
const labels = { namespace: 'ci', pod: 'buildkitd-0' };
const everyLabel = ['__name__', 'instance', 'job', ...Object.keys(labels)];
const timeoutSeconds = 30;
const quietSeconds = 5;
const limitMs = 60_000;

type Scrape = ReadonlyMap<string, number>;

/** All figures of the latest scrape: `clients`, or `sample failed` for one of a stateset. */
async function latest(prometheus: PrometheusServer): Promise<Scrape> {
  const series = await prometheus.query('{__name__=~"buildkit_drain_.+"}');
  return new Map(
    series.map(({ metric, value }) => {
      const [name = ''] = [metric['__name__']?.replace('buildkit_drain_', '')];
      const own = Object.entries(metric).filter(
        ([label]) => label !== 'endpoint' && !everyLabel.includes(label),
      );
      return [[name, ...own.map(([, each]) => each)].join(' '), Number(value?.[1])];
    }),
  );
}

/** The figures that a scrape has of these; undefined for what is absent. */
function figures(scrape: Scrape, ...names: readonly string[]): (number | undefined)[] {
  return names.map((name) => scrape.get(name));
}

const ofBuilds = ['clients', 'builds_reported', 'builds_running'] as const;
const ages = ['oldest_client_seconds', 'oldest_build_seconds'] as const;
const ofWait = ['waited_seconds', 'wait_left_seconds', 'quiet_seconds'] as const;

it('shows Prometheus an idle daemon, a first build, a drain and a deadline', {
  timeout: 180_000,
}, async ({ sandbox }) => {
  const daemon = await startBuildkitd(sandbox, { namespaces });
  const address = await daemon.listen('tcp://127.0.0.1:0');
  // On a fresh pod it has never finished a build, and after v0.32 it might keep no record of any.
  await daemon.behave({ version: 'v0.33.0', history: 0 });
  const times = ['--timeout', `${timeoutSeconds}s`, '--quiet-period', `${quietSeconds}s`];
  const serve = await startServe(sandbox, ['--addr', address, ...times]);
  const prometheus = await startPrometheus(sandbox, { port: serve.port, labels });
  const scraped = (what: string, isSo: (scrape: Scrape) => boolean): Promise<Scrape> =>
    waitFor(
      what,
      async () => {
        const scrape = await latest(prometheus);
        return isSo(scrape) && scrape;
      },
      limitMs,
    );
  const after = (scrape: Scrape): Promise<Scrape> =>
    scraped('another scrape', (next) => of(next, 'samples_total') > of(scrape, 'samples_total'));
  const of = (scrape: Scrape, name: string): number => scrape.get(name) ?? Number.NaN;
  const build = async (ref: string): Promise<Scrape> => {
    await startClient(sandbox, 'build', address, { ref }, { namespaces });
    return scraped(`build ${ref}`, (scrape) => of(scrape, 'oldest_build_seconds') >= 0);
  };
  const drainStatus = (): Promise<number | string | undefined> =>
    serve.get('/drain').then(({ status }) => status, String);
  const firing = async (): Promise<unknown[]> =>
    (await prometheus.query('ALERTS{alertstate="firing"}')).map(
      ({ metric }) => metric['alertname'],
    );

  const idle = await scraped('an answer', (scrape) => scrape.has('builds_reported'));
  expect(figures(idle, ...ofBuilds)).toEqual([0, 0, undefined]);
  expect(figures(idle, ...ages, ...ofWait)).toEqual(Array(5).fill(undefined));
  expect(figures(idle, 'sample counted', 'sample failed', 'sample gone')).toEqual([1, 0, 0]);
  expect(figures(idle, 'wait none', 'wait waiting', 'samples_failed_total')).toEqual([1, 0, 0]);
  const settings = ['wait_deadline_seconds', 'quiet_period_seconds'];
  expect(figures(idle, ...settings)).toEqual([timeoutSeconds, quietSeconds]);

  const begunMs = performance.now();
  const first = await build('one');
  expect(figures(first, ...ofBuilds)).toEqual([1, 1, 1]);
  const older = await after(first);
  const elapsed = (performance.now() - begunMs) / 1000;
  for (const age of ages) {
    expect(of(older, age)).toBeGreaterThan(of(first, age));
    expect(of(older, age)).toBeLessThan(elapsed + 1);
  }
  // The moments at which a drain would have waited are those of the build.
  const moments = 'time_to_idle_seconds_count';
  const idleMoments = 'time_to_idle_seconds_bucket 0.0';
  expect(of(older, moments)).toBeGreaterThan(of(idle, moments));
  expect(of(older, moments) - of(older, idleMoments)).toBeGreaterThan(1);
  expect(of(older, moments) - of(older, idleMoments)).toBeLessThan(elapsed + 1);
  await daemon.end('one');
  const built = await scraped('its end', (scrape) => scrape.get('clients') === 0);
  // Now that it has finished one, its zero is certain.
  expect(figures(built, ...ofBuilds, ...ages)).toEqual([0, 0, 0, undefined, undefined]);

  await build('two');
  const drain = drainStatus();
  const waiting = await scraped('the drain', (scrape) => of(scrape, 'waited_seconds') > 1);
  expect(figures(waiting, ...ofBuilds, 'quiet_seconds')).toEqual([1, 1, 1, 0]);
  expect(figures(waiting, 'wait waiting', 'wait none')).toEqual([1, 0]);
  const left = timeoutSeconds - of(waiting, 'waited_seconds');
  expect(of(waiting, 'wait_left_seconds')).toBeCloseTo(left, 2);
  const later = await after(waiting);
  expect(of(later, 'wait_left_seconds')).toBeLessThan(left);
  await daemon.end('two');
  const quiet = await scraped('quiet', (scrape) => of(scrape, 'quiet_seconds') > 0);
  expect(of(quiet, 'clients')).toBe(0);
  expect(of(quiet, 'quiet_seconds')).toBeLessThanOrEqual(quietSeconds);
  expect(await drain).toBe(200);
  const drained = await scraped('drained', (scrape) => scrape.get('wait drained') === 1);
  expect(figures(drained, ...ofWait)).toEqual([undefined, undefined, undefined]);
  expect(figures(drained, 'waits_total drained', 'waits_total timed-out')).toEqual([1, 0]);
  expect(await firing()).toEqual([]);

  await build('three');
  const deadline = drainStatus();
  const near = await waitFor(
    'an alert',
    async () => {
      const alerts = await firing();
      return alerts.length > 0 && alerts;
    },
    limitMs,
  );
  expect(near).toEqual(['BuildkitDrainNearsDeadline']);
  expect(await deadline).toBe(503);
  const over = await scraped('timed out', (scrape) => scrape.get('wait timed-out') === 1);
  expect(figures(over, ...ofBuilds)).toEqual([1, 1, 1]);
  expect(figures(over, ...ofWait)).toEqual([undefined, undefined, undefined]);
  expect(figures(over, 'waits_total drained', 'waits_total timed-out')).toEqual([1, 1]);
  await waitFor(
    'the other alert',
    async () => String(await firing()) === 'BuildkitDrainTimedOut',
    limitMs,
  );

  // Every query of the dashboard is one that Prometheus understands, and has found something of all this.
  const dashboard = readDashboard();
  for (const { panel, expr } of queriesOf(dashboard)) {
    const query = expr
      .replaceAll(/\$(namespace|pod)\b/g, '.*')
      .replaceAll('$__rate_interval', '1m')
      .replaceAll('$__range', '10m');
    const values = (await prometheus.queryRange(query)).flatMap((series) => series.values ?? []);
    const known = values.filter(([, value]) => value !== 'NaN');
    expect(known.length, `${panel.title}: ${query}`).toBeGreaterThan(0);
  }
  for (const [label, value] of Object.entries(labels)) {
    expect(await prometheus.labelValues(label, 'buildkit_drain_build_info')).toEqual([value]);
  }
});
