import type { DrainConfig } from '../../drain/types.ts';
import type { Answer, Reading, ServiceStats, WaitState } from '../../serve/types.ts';
import {
  type Metric,
  type MetricsFormat,
  openMetricsText,
  openMetricsType,
  type Point,
  prometheusText,
  prometheusType,
} from './exposition.ts';

interface MetricsInput {
  readonly version: string;
  /** When the process began, in seconds since the epoch. */
  readonly startedAtSeconds: number;
  /** Null where looking failed altogether. */
  readonly reading: Reading | null;
  readonly record: ServiceStats;
  readonly config: Pick<DrainConfig, 'quietPeriodMs'>;
}

const prefix = 'buildkit_drain';

/** What `/metrics` says, in one of the two formats. */
export function metricsAnswer(format: MetricsFormat, input: MetricsInput): Answer {
  const metrics = metricsOf(input);
  return format === 'openmetrics'
    ? { status: 200, contentType: openMetricsType, body: openMetricsText(metrics) }
    : { status: 200, contentType: prometheusType, body: prometheusText(metrics) };
}

/** A number that could not be had has no point. */
function metricsOf(input: MetricsInput): Metric[] {
  return [...daemonMetrics(input.reading), ...waitMetrics(input), ...processMetrics(input)];
}

function daemonMetrics(reading: Reading | null): Metric[] {
  const sampleKinds = ['counted', 'failed', 'gone'] as const;
  return [
    {
      ...{ name: `${prefix}_clients`, type: 'gauge' },
      help: 'Clients connected to an endpoint of buildkitd. Absent while they can not be counted.',
      points: reading === null ? [] : clientPoints(reading),
    },
    {
      ...{ name: `${prefix}_silent_clients`, type: 'gauge' },
      help: 'Connections that count as no client, since nothing has moved on them for long and no build runs.',
      points: reading?.sample.kind === 'counted' ? [{ value: reading.silent }] : [],
    },
    {
      ...{ name: `${prefix}_builds_running`, type: 'gauge' },
      help: 'Builds that buildkitd itself says are running. Absent where that is not known.',
      points: reading?.builds?.kind === 'known' ? [{ value: reading.builds.builds.length }] : [],
    },
    stateset(
      `${prefix}_sample`,
      'What came of the latest look: counted, failed (nothing is known) or gone (the daemon is).',
      sampleKinds,
      reading?.sample.kind ?? 'failed',
    ),
  ];
}

function waitMetrics({ record, config }: MetricsInput): Metric[] {
  const states = Object.keys(record.outcomes);
  return [
    stateset(
      `${prefix}_wait`,
      'The wait: none yet, waiting, or how the last one ended.',
      ['none', 'waiting', ...states] as readonly WaitState[],
      record.waitState,
    ),
    {
      ...{ name: `${prefix}_waits`, type: 'counter' },
      help: 'Waits that have ended, by outcome.',
      points: Object.entries(record.outcomes).map(([outcome, value]) => ({
        labels: { outcome },
        value,
      })),
    },
    seconds('waited', 'For how long the wait under way has lasted.', record.waitedMs),
    seconds(
      'quiet',
      'For how long no client has been seen in the wait under way. Absent where that is unknown.',
      record.quietMs,
    ),
    seconds('quiet_period', 'How long quiet must last.', config.quietPeriodMs),
    {
      ...{ name: `${prefix}_samples`, type: 'counter' },
      help: 'Looks at the endpoints of buildkitd.',
      points: [{ value: record.samples }],
    },
    {
      ...{ name: `${prefix}_samples_failed`, type: 'counter' },
      help: 'Looks from which nothing certain is known.',
      points: [{ value: record.failedSamples }],
    },
  ];
}

function processMetrics({ version, startedAtSeconds }: MetricsInput): Metric[] {
  return [
    {
      ...{ name: `${prefix}_build`, type: 'info' },
      help: 'Which buildkit-drain this is.',
      points: [{ labels: { version }, value: 1 }],
    },
    {
      ...{ name: 'process_start_time_seconds', type: 'gauge', unit: 'seconds' },
      help: 'When the process began, since the epoch.',
      points: [{ value: startedAtSeconds }],
    },
  ];
}

/** An endpoint's clients are known where its listener was seen with them. */
function clientPoints({ sample, clients }: Reading): Point[] {
  const addresses = sample.results.flatMap((result) =>
    result.kind === 'polled' && result.snapshot.listenerInodes.length > 0
      ? [result.endpoint.address]
      : [],
  );
  return [...new Set(addresses)].map((endpoint) => ({
    labels: { endpoint },
    value: clients.filter(({ connection }) => connection.endpoint === endpoint).length,
  }));
}

function seconds(name: string, help: string, ms: number | null): Metric {
  return {
    ...{ name: `${prefix}_${name}_seconds`, type: 'gauge', unit: 'seconds', help },
    points: ms === null ? [] : [{ value: Math.round(ms) / 1000 }],
  };
}

function stateset<State extends string>(
  name: string,
  help: string,
  states: readonly State[],
  current: State,
): Metric {
  return {
    ...{ name, type: 'stateset', help },
    points: states.map((state) => ({
      labels: { [name]: state },
      value: state === current ? 1 : 0,
    })),
  };
}
