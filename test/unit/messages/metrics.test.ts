import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { BackendError } from '../../../src/backends/types.ts';
import { combineAnswers } from '../../../src/builds/answers.ts';
import type { BuildsAnswer } from '../../../src/builds/types.ts';
import type { ConnectionKind, TrackedConnection } from '../../../src/drain/tracked.ts';
import { type MetricsInput, metricsAnswer } from '../../../src/messages/serve/metrics.ts';
import { bucketSeconds } from '../../../src/serve/time-to-idle.ts';
import { parseExposition } from '../../support/prometheus.ts';
import { client, counted, failed } from '../support/samples.ts';

const page = readFileSync(new URL('../../../docs/serve.md', import.meta.url), 'utf8');

function tracked(kind: ConnectionKind, port: number, firstSeenMs = 0): TrackedConnection {
  const connection = client(`10.0.0.5:${port}`);
  return { key: `${port}`, connection, firstSeenMs, isArrivalSeen: true, traffic: null, kind };
}

function unknown(code: string): BuildsAnswer {
  return { kind: 'unknown', error: new BackendError(code, 'ask', 'no') };
}

const clients = [tracked('client', 1, 30_000), tracked('client', 2, 50_000)];
const others = (['health-check', 'silent', 'silent', 'ignored'] as const).map((kind, index) =>
  tracked(kind, 10 + index),
);
const all = [...clients, ...others];
const outcomes = {
  ...{ drained: 1, gone: 0, 'nothing-found': 0 },
  ...{ 'timed-out': 2, interrupted: 0, unknown: 0 },
};

/** Everything is known. */
const busy: MetricsInput = {
  ...{ version: '0.1.0', startedAtSeconds: 1.5e9, wallMs: 1_700_000_100_000 },
  reading: {
    sample: counted(...all.map(({ connection }) => connection)),
    ...{ nowMs: 60_000, ageMs: 250, clients, all },
    builds: {
      kind: 'known',
      builds: [
        { ref: 'a', startedAtMs: 1_700_000_000_000 },
        { ref: 'b', startedAtMs: 1_700_000_090_000 },
      ],
      lastEndedAtMs: null,
    },
  },
  stats: {
    ...{ samples: 10, failedSamples: 1, betweenPolls: 4, waitState: 'waiting', outcomes },
    ...{ waitedMs: 40_000, timeoutMs: 100_000, quietMs: 500 },
  },
  timeToIdle: {
    buckets: bucketSeconds.map((upToSeconds) => ({ upToSeconds, moments: upToSeconds })),
    ...{ moments: 20_000, sumSeconds: 12_345.678 },
  },
  config: { quietPeriodMs: 10_000, timeoutMs: 100_000 },
  usage: {
    ...{ cpuSeconds: 1.25, residentBytes: 4096, virtualBytes: 8192 },
    ...{ threads: 11, openFds: 20, maxFds: 1024 },
  },
};

/** Nothing is known. */
const blind: MetricsInput = {
  ...busy,
  reading: null,
  stats: { ...busy.stats, waitState: 'none', waitedMs: null, timeoutMs: null, quietMs: null },
  config: { ...busy.config, timeoutMs: null },
  usage: {
    ...{ cpuSeconds: null, residentBytes: null, virtualBytes: null },
    ...{ threads: null, openFds: null, maxFds: null },
  },
};

function samplesOf(input: MetricsInput): Map<string, number> {
  // Both parsers accept it, with the same names and values.
  const [open, plain] = (['openmetrics', 'prometheus'] as const).map((format) =>
    parseExposition(format, metricsAnswer(format, input).body).flatMap(({ samples }) =>
      samples.map(({ name, labels, value }) => {
        const values = Object.values(labels);
        return [[name.replace('buildkit_drain_', ''), ...values].join(' '), value] as const;
      }),
    ),
  );
  expect(open).toEqual(plain);
  return new Map(open);
}

function withBuilds(builds: BuildsAnswer): Map<string, number> {
  return samplesOf({ ...busy, reading: busy.reading && { ...busy.reading, builds } });
}

describe('the metrics of serve', () => {
  it('are those that the page lists', () => {
    const rows = page.match(/^\| `(buildkit_drain|process)_.*$/gm) ?? [];
    const listed = rows.flatMap((row) =>
      [...(row.split('|')[1] ?? '').matchAll(/`(\w+)(?:\{\w+\})?`/g)].map(([, name]) => name),
    );
    const answered = parseExposition('openmetrics', metricsAnswer('openmetrics', busy).body);
    const names = answered.flatMap(({ samples }) => samples.map(({ name }) => name));
    expect([...new Set(names)].sort()).toEqual([...listed].sort());
  });

  it('give the values that are known', () => {
    const samples = samplesOf(busy);
    for (const [name, value] of [
      ['ignored_connections health-check', 1],
      ['ignored_connections unreachable', 0],
      ['ignored_connections silent', 2],
      ['ignored_connections own', 0],
      ['ignored_connections ignored', 1],
      ['oldest_client_seconds', 30],
      ['sample_age_seconds', 0.25],
      ['connections_between_polls_total', 4],
      ['builds_running', 2],
      ['builds_reported', 2],
      ['oldest_build_seconds', 100],
      ['time_to_idle_seconds_bucket 0.0', 0],
      ['time_to_idle_seconds_bucket 14400.0', 14_400],
      ['time_to_idle_seconds_bucket +Inf', 20_000],
      ['time_to_idle_seconds_count', 20_000],
      ['time_to_idle_seconds_sum', 12_345.678],
      ['waited_seconds', 40],
      ['wait_deadline_seconds', 100],
      ['wait_left_seconds', 60],
      ['process_cpu_seconds_total', 1.25],
      ['process_open_fds', 20],
    ] as const) {
      expect([name, samples.get(name)]).toEqual([name, value]);
    }
  });

  it('leave out what is unknown, and what there is none of', () => {
    const names = [...samplesOf(blind).keys()];
    const given = /^(clients|ignored|oldest|builds|sample_age|waited|wait_|process_(?!start))/;
    expect(names.filter((name) => given.test(name))).toEqual([]);
    const uncounted = samplesOf({
      ...busy,
      reading: busy.reading && { ...busy.reading, sample: failed() },
    });
    expect([...uncounted.keys()].filter((name) => /^(ignored|oldest_client)/.test(name))).toEqual(
      [],
    );
    const idle = busy.reading && { ...busy.reading, sample: counted(), clients: [], all: [] };
    const builds: BuildsAnswer = { kind: 'known', builds: [], lastEndedAtMs: null };
    const samples = samplesOf({ ...busy, reading: idle && { ...idle, builds } });
    expect([...samples.keys()].filter((name) => name.startsWith('oldest'))).toEqual([]);
    expect(samples.get('builds_running')).toBe(0);
  });

  it('give no negative time left when the deadline has passed', () => {
    const late = samplesOf({ ...busy, stats: { ...busy.stats, waitedMs: 100_250 } });
    expect(late.get('wait_left_seconds')).toBe(0);
  });

  it("give a wait's own deadline, and without a wait the one that was set", () => {
    const own = samplesOf({ ...busy, stats: { ...busy.stats, timeoutMs: 50_000 } });
    expect(own.get('wait_deadline_seconds')).toBe(50);
    expect(own.get('wait_left_seconds')).toBe(10);
    const none = samplesOf({ ...blind, config: busy.config });
    expect(none.get('wait_deadline_seconds')).toBe(100);
    expect(none.has('wait_left_seconds')).toBe(false);
  });

  it('report no builds where a daemon names none, though that zero is not certain', () => {
    for (const code of ['ERR_ZERO_NOT_TRUSTED', 'ERR_NO_HISTORY']) {
      const samples = withBuilds(unknown(code));
      expect([samples.get('builds_reported'), samples.has('builds_running')]).toEqual([0, false]);
    }
    const mute = unknown('ERR_TIMEOUT');
    expect(withBuilds(mute).has('builds_reported')).toBe(false);
    // Another daemon does not answer.
    for (const answers of [
      [mute],
      [unknown('ERR_NO_HISTORY'), mute],
      [mute, unknown('ERR_NO_HISTORY')],
    ]) {
      expect(withBuilds(combineAnswers(answers)).has('builds_reported')).toBe(false);
    }
  });
});
