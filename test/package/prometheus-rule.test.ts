import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type AlertTest, readRules, testAlert } from '../support/rules.ts';

const pod = 'namespace="ci",pod="buildkitd-0"';
const labels = { namespace: 'ci', pod: 'buildkitd-0' };

/** Series of one pod: `clients` is `buildkit_drain_clients`, and `sample=failed` a stateset's. */
function ofPod(series: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(series).map(([key, values]) => {
      const [name = '', label, value] = key.split(/[ =]/);
      const further = label === undefined ? '' : `,${label}="${value}"`;
      return [`buildkit_drain_${name}{${pod}${further}}`, values];
    }),
  );
}

type Case = Omit<AlertTest, 'series' | 'fires' | 'alert'> & {
  readonly series: Readonly<Record<string, string>>;
};

function expectQuiet(alert: string, { series, at }: Case): void {
  expect(testAlert({ alert, at, series: ofPod(series), fires: [] })).toBe('');
}

function expectFiring(
  alert: string,
  { series, at, summary, further = {} }: Case & { summary: string; further?: object },
): void {
  const fires = [{ labels: { ...labels, ...further }, summary }];
  expect(testAlert({ alert, at, series: ofPod(series), fires })).toBe('');
}

describe('BuildkitClientsUnknown', () => {
  const failed = 'sample buildkit_drain_sample=failed';
  const counted = 'sample buildkit_drain_sample=counted';

  it('fires when polling has failed for five minutes', () => {
    expectFiring('BuildkitClientsUnknown', {
      series: { [failed]: '0 1x10', [counted]: '1 0x10' },
      at: '6m',
      further: { buildkit_drain_sample: 'failed' },
      summary:
        'Polling fails in buildkitd-0. Its clients are unknown, and a drain would last until its deadline.',
    });
  });

  it.each([
    ['while a pod starts', '1 1 1 1 0x10', '8m'],
    ['for failures with a good poll between them', '1 1 1 1 0 1 1 1 1 0x5', '8m'],
    ['for a pod that has left', '1x3 stale _x10', '8m'],
  ])('stays quiet %s', (_, values, at) => {
    expectQuiet('BuildkitClientsUnknown', { series: { [failed]: values }, at });
  });
});

describe('BuildkitDrainDoesNotAnswer', () => {
  const alert = 'BuildkitDrainDoesNotAnswer';
  const target = `${pod},job="ci/buildkitd",instance="10.0.0.5:9234"`;
  const info = `buildkit_drain_build_info{${target},version="0.1.0"}`;
  const up = `up{${target}}`;

  it('fires when the scrapes of a sidecar have failed for five minutes', () => {
    const series = { [up]: '1x9 0x900', [info]: '1x9 stale _x900' };
    const summary =
      'The sidecar of buildkitd-0 does not answer. If the pod is stopped now, its builds are cut off.';
    const fires = [
      { labels: { ...labels, job: 'ci/buildkitd', instance: '10.0.0.5:9234' }, summary },
    ];
    for (const at of ['16m', '15h']) {
      expect(testAlert({ alert, at, series, fires })).toBe('');
    }
    expect(testAlert({ alert, at: '14m', series, fires: [] })).toBe('');
  });

  it.each([
    ['for a pod that has left', { [up]: '1x9 stale _x60', [info]: '1x9 stale _x60' }],
    ['for a scrape or two', { [up]: '1x9 0 0 1x60', [info]: '1x9 stale stale 1x60' }],
    [
      'for other targets',
      { 'up{job="other",instance="10.0.0.5:80"}': '0x60', [up]: '1x60', [info]: '1x60' },
    ],
  ])('stays quiet %s', (_, series) => {
    expect(testAlert({ alert, at: '16m', series, fires: [] })).toBe('');
  });
});

describe('BuildkitDrainStandsStill', () => {
  it('fires when nothing has been polled for a quarter of an hour', () => {
    expectFiring('BuildkitDrainStandsStill', {
      series: { samples_total: '0+60x5 300x30' },
      at: '22m',
      summary: 'Nothing has been polled in buildkitd-0 for 10 minutes.',
    });
  });

  it.each([
    ['while polls come', '0+1x40', '30m'],
    ['after a restart', '0+60x20 0+60x20', '30m'],
    ['for a pod that has been there for one scrape', '0 stale _x40', '20m'],
    ['for a pause of nine minutes', '0+60x5 300x8 300+60x20', '14m'],
    ['for a pod that has left', '0+60x5 stale _x40', '22m'],
  ])('stays quiet %s', (_, values, at) => {
    expectQuiet('BuildkitDrainStandsStill', { series: { samples_total: values }, at });
  });
});

describe('BuildkitDrainNearsDeadline', () => {
  // 58 minutes, of which 15 % are 8.7.
  const deadline = { wait_deadline_seconds: '3480x60' };
  const left = { wait_left_seconds: '3480-60x58' };
  const summary = 'The builds of buildkitd-0 will be cut off in 8m 0s unless they end before.';

  it('fires when 15 % of the time are left and something still runs', () => {
    const series = { ...deadline, ...left, quiet_seconds: '0x60' };
    expectFiring('BuildkitDrainNearsDeadline', { series, at: '50m', summary });
    expectQuiet('BuildkitDrainNearsDeadline', { series, at: '49m' });
  });

  it('fires when it is unknown what runs', () => {
    expectFiring('BuildkitDrainNearsDeadline', {
      series: { ...deadline, ...left },
      at: '50m',
      summary,
    });
  });

  it('goes by whatever the deadline is', () => {
    expectFiring('BuildkitDrainNearsDeadline', {
      series: { wait_deadline_seconds: '36000x60', wait_left_seconds: '5400-60x60' },
      at: '1m',
      summary: 'The builds of buildkitd-0 will be cut off in 1h 29m 0s unless they end before.',
    });
  });

  it.each([
    ['when all is quiet by then', { ...deadline, ...left, quiet_seconds: '0x49 5x10' }, '50m'],
    ['without a wait', deadline, '50m'],
    ['without a deadline', { waited_seconds: '0+60x60', quiet_seconds: '0x60' }, '50m'],
    ['for a pod that has left', { ...deadline, wait_left_seconds: '60 stale _x60' }, '10m'],
  ])('stays quiet %s', (_, series, at) => {
    expectQuiet('BuildkitDrainNearsDeadline', { series: series as Record<string, string>, at });
  });
});

describe('BuildkitDrainTimedOut', () => {
  const timedOut = 'waits_total outcome=timed-out';
  const drained = 'waits_total outcome=drained';

  it.each(['timed-out', 'unknown'])(
    'fires for %s, also when only one scrape has seen it, and resolves after a quarter of an hour',
    (outcome) => {
      const series = {
        [`waits_total outcome=${outcome}`]: '0x9 1 stale _x60',
        [drained]: '0x10 stale _x60',
      };
      for (const at of ['10m', '20m']) {
        const summary = `The drain of buildkitd-0 reached its deadline: ${outcome}.`;
        expectFiring('BuildkitDrainTimedOut', { series, at, further: { outcome }, summary });
      }
      expectQuiet('BuildkitDrainTimedOut', { series, at: '26m' });
    },
  );

  it.each([
    ['for a drain that was over in time', { [timedOut]: '0x20', [drained]: '0x9 1x11' }, '15m'],
    ['long after a deadline, where the process goes on', { [timedOut]: '0x5 1x60' }, '40m'],
    ['after a restart', { [timedOut]: '1x5 0x10' }, '10m'],
  ])('stays quiet %s', (_, series, at) => {
    expectQuiet('BuildkitDrainTimedOut', { series: series as Record<string, string>, at });
  });
});

describe('BuildkitBuildsUnknown', () => {
  const counted = 'sample buildkit_drain_sample=counted';

  it('fires when the daemon has not said for a quarter of an hour what runs', () => {
    expectFiring('BuildkitBuildsUnknown', {
      series: { [counted]: '1x60', builds_reported: '2x10 stale _x60' },
      at: '26m',
      further: { buildkit_drain_sample: 'counted' },
      summary:
        'The buildkitd in buildkitd-0 does not say which builds run. A drain goes by its connections alone.',
    });
  });

  it.each([
    ['while it says so', { [counted]: '1x60', builds_reported: '0x60' }],
    [
      'for answers that failed for some minutes',
      { [counted]: '1x60', builds_reported: '0x11 stale _x60' },
    ],
    ['where polling fails, which another alert reports', { [counted]: '0x60' }],
    ['for a pod that has left', { [counted]: '1x5 stale _x60', builds_reported: '1x5 stale _x60' }],
  ])('stays quiet %s', (_, series) => {
    expectQuiet('BuildkitBuildsUnknown', { series: series as Record<string, string>, at: '26m' });
  });
});

it('has the alerts that the page explains, each of which is tried here', () => {
  const names = readRules().groups.flatMap(({ rules }) => rules.map(({ alert }) => alert));
  const page = readFileSync(new URL('../../docs/monitoring.md', import.meta.url), 'utf8');
  expect([...page.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name)).toEqual(names);
  const own = readFileSync(new URL(import.meta.url), 'utf8');
  for (const name of names) {
    expect(own).toContain(`describe('${name}'`);
  }
});
