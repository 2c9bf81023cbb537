import type { DrainConfig } from '../../drain/types.ts';
import type { Answer, ServiceStats, WaitReading, WaitState } from '../../serve/types.ts';
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
  /** When the process started, in seconds since the epoch. */
  readonly startedAtSeconds: number;
  /** Null if polling failed altogether. */
  readonly reading: WaitReading | null;
  readonly stats: ServiceStats;
  readonly config: Pick<DrainConfig, 'quietPeriodMs'>;
}

const prefix = 'buildkit_drain';

/** The answer of `/metrics`, in one of the two formats. */
export function metricsAnswer(format: MetricsFormat, input: MetricsInput): Answer {
  const metrics = metricsOf(input);
  return format === 'openmetrics'
    ? { status: 200, contentType: openMetricsType, body: openMetricsText(metrics) }
    : { status: 200, contentType: prometheusType, body: prometheusText(metrics) };
}

/** An unknown number has no point. */
function metricsOf(input: MetricsInput): Metric[] {
  return [...daemonMetrics(input.reading), ...waitMetrics(input), ...processMetrics(input)];
}

function daemonMetrics(reading: WaitReading | null): Metric[] {
  const sampleKinds = ['counted', 'failed', 'gone'] as const;
  return [
    {
      ...{ name: `${prefix}_clients`, type: 'gauge' },
      help: 'Clients connected to an endpoint of buildkitd. Absent while they cannot be counted.',
      points: reading === null ? [] : clientPoints(reading),
    },
    {
      ...{ name: `${prefix}_silent_clients`, type: 'gauge' },
      help: 'Connections not counted as clients: they have no traffic and no build runs.',
      points: reading?.sample.kind === 'counted' ? [{ value: reading.silent }] : [],
    },
    {
      ...{ name: `${prefix}_builds_running`, type: 'gauge' },
      help: 'Running builds, as buildkitd reports them. Absent if unknown.',
      points: reading?.builds?.kind === 'known' ? [{ value: reading.builds.builds.length }] : [],
    },
    stateset(
      `${prefix}_sample`,
      'The state after the latest poll: counted, failed (unknown) or gone (no daemon).',
      sampleKinds,
      reading?.sample.kind ?? 'failed',
    ),
  ];
}

function waitMetrics({ stats, config }: MetricsInput): Metric[] {
  const states = Object.keys(stats.outcomes);
  return [
    stateset(
      `${prefix}_wait`,
      'The wait: none yet, waiting, or how the last one ended.',
      ['none', 'waiting', ...states] as readonly WaitState[],
      stats.waitState,
    ),
    {
      ...{ name: `${prefix}_waits`, type: 'counter' },
      help: 'Waits that have ended, by outcome.',
      points: Object.entries(stats.outcomes).map(([outcome, value]) => ({
        labels: { outcome },
        value,
      })),
    },
    seconds('waited', 'How long the wait under way has lasted.', stats.waitedMs),
    seconds(
      'quiet',
      'How long there have been no clients in the wait under way. Absent if unknown.',
      stats.quietMs,
    ),
    seconds('quiet_period', 'How long there must be no clients.', config.quietPeriodMs),
    {
      ...{ name: `${prefix}_samples`, type: 'counter' },
      help: 'Polls of the endpoints of buildkitd.',
      points: [{ value: stats.samples }],
    },
    {
      ...{ name: `${prefix}_samples_failed`, type: 'counter' },
      help: 'Polls that failed.',
      points: [{ value: stats.failedSamples }],
    },
  ];
}

function processMetrics({ version, startedAtSeconds }: MetricsInput): Metric[] {
  return [
    {
      ...{ name: `${prefix}_build`, type: 'info' },
      help: 'The version of buildkit-drain.',
      points: [{ labels: { version }, value: 1 }],
    },
    {
      ...{ name: 'process_start_time_seconds', type: 'gauge', unit: 'seconds' },
      help: 'When the process started, since the epoch.',
      points: [{ value: startedAtSeconds }],
    },
  ];
}

/** The clients of an endpoint are known if its listening socket was seen in the same poll. */
function clientPoints({ sample, clients }: WaitReading): Point[] {
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
