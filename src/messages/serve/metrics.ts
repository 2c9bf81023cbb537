import { countReported } from '../../builds/answers.ts';
import type { BuildsAnswer } from '../../builds/types.ts';
import { knownAge } from '../../drain/tracked.ts';
import type { DrainConfig } from '../../drain/types.ts';
import type { MomentHistogram } from '../../serve/time-to-idle.ts';
import type { Answer, ServiceReading, ServiceStats, WaitState } from '../../serve/types.ts';
import {
  type Metric,
  type MetricsFormat,
  openMetricsText,
  openMetricsType,
  type Point,
  prometheusText,
  prometheusType,
  valuePoints,
} from './exposition.ts';
import { type OwnProcess, processMetrics } from './process-metrics.ts';

export interface MetricsInput extends OwnProcess {
  readonly version: string;
  /** Null if polling failed altogether. */
  readonly reading: ServiceReading | null;
  readonly stats: ServiceStats;
  readonly config: Pick<DrainConfig, 'quietPeriodMs' | 'timeoutMs'>;
  readonly timeToIdle: MomentHistogram;
  /** The time of the answer, in milliseconds since the epoch. */
  readonly wallMs: number;
}

const prefix = 'buildkit_drain';

/** The answer of `/metrics`, in one of the two formats. */
export function metricsAnswer(format: MetricsFormat, input: MetricsInput): Answer {
  const metrics = metricsOf(input);
  return format === 'openmetrics'
    ? { status: 200, contentType: openMetricsType, body: openMetricsText(metrics) }
    : { status: 200, contentType: prometheusType, body: prometheusText(metrics) };
}

/** Every metric, with a point for each value that is known. */
function metricsOf(input: MetricsInput): Metric[] {
  return [
    ...daemonMetrics(input),
    timeToIdle(input.timeToIdle),
    ...waitMetrics(input),
    ownVersion(input.version),
    ...processMetrics(input),
  ];
}

const notCountedKinds = ['health-check', 'unreachable', 'silent', 'own', 'ignored'] as const;

function daemonMetrics({ reading, stats, wallMs }: MetricsInput): Metric[] {
  const sampleKinds = ['counted', 'failed', 'gone'] as const;
  const counted = reading?.sample.kind === 'counted' ? reading : null;
  const builds = reading?.builds ?? null;
  return [
    {
      ...{ name: `${prefix}_clients`, type: 'gauge' },
      help: 'Clients connected to an endpoint of buildkitd. Absent while they cannot be counted.',
      points: reading === null ? [] : clientPoints(reading),
    },
    {
      ...{ name: `${prefix}_ignored_connections`, type: 'gauge' },
      help: 'Connections that do not count as clients, by reason. Absent while they cannot be counted.',
      points: notCountedKinds.flatMap((reason) =>
        counted === null
          ? []
          : [
              {
                labels: { reason },
                value: counted.all.filter(({ kind }) => kind === reason).length,
              },
            ],
      ),
    },
    seconds(
      'oldest_client',
      'How long the oldest client has been connected, at least. Absent if there is none, or that is unknown.',
      counted === null ? null : oldestClientMs(counted),
    ),
    {
      ...{ name: `${prefix}_builds_running`, type: 'gauge' },
      help:
        'Running builds, for alerts and for decisions about a pod: 0 is certain. ' +
        'Absent if unknown, as with a daemon after v0.32 that has never finished a build.',
      points: builds?.kind === 'known' ? [{ value: builds.builds.length }] : [],
    },
    {
      ...{ name: `${prefix}_builds_reported`, type: 'gauge' },
      help:
        'Builds that buildkitd names, for autoscaling: there from its first answer on, ' +
        'but 0 is not certain. Absent without an answer, as with versions before v0.12.4.',
      points: valuePoints(builds === null ? null : countReported(builds)),
    },
    seconds(
      'oldest_build',
      'How long the oldest running build has run, by its record. Absent if there is none, or that is unknown.',
      oldestBuildMs(builds, wallMs),
    ),
    stateset(
      `${prefix}_sample`,
      'The state after the latest poll: counted, failed (unknown) or gone (no daemon).',
      sampleKinds,
      reading?.sample.kind ?? 'failed',
    ),
    seconds('sample_age', 'How long ago the latest poll was.', reading?.ageMs ?? null),
    {
      ...{ name: `${prefix}_connections_between_polls`, type: 'counter' },
      help: 'Connections that came and went between two polls: at least so many.',
      points: [{ value: stats.betweenPolls }],
    },
  ];
}

function timeToIdle({ buckets, moments, sumSeconds }: MomentHistogram): Metric {
  return {
    ...{ name: `${prefix}_time_to_idle_seconds`, type: 'histogram', unit: 'seconds' },
    help:
      'How long a drain begun at a moment would have waited for clients and builds, with one ' +
      'moment for each second that was watched. The quiet period comes on top. Unknown counts as ' +
      'busy, and what is not over yet as longer than every bound.',
    points: [
      ...buckets.map(({ upToSeconds, moments: value }): Point => {
        return { part: 'bucket', labels: { le: upToSeconds.toFixed(1) }, value };
      }),
      { part: 'bucket', labels: { le: '+Inf' }, value: moments },
      { part: 'count', value: moments },
      { part: 'sum', value: sumSeconds },
    ],
  };
}

function waitMetrics({ stats, config }: MetricsInput): Metric[] {
  const states = Object.keys(stats.outcomes);
  const { waitedMs } = stats;
  // With --timeout=pod that of a wait is another than the one that was given.
  const timeoutMs = waitedMs === null ? config.timeoutMs : stats.timeoutMs;
  const leftMs = timeoutMs === null || waitedMs === null ? null : Math.max(0, timeoutMs - waitedMs);
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
    seconds('waited', 'How long the wait under way has lasted.', waitedMs),
    seconds('wait_deadline', 'How long a wait may last. Absent if it has no deadline.', timeoutMs),
    seconds(
      'wait_left',
      'How long the wait under way may still last. Absent if it has no deadline.',
      leftMs,
    ),
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

function ownVersion(version: string): Metric {
  return {
    ...{ name: `${prefix}_build`, type: 'info' },
    help: 'The version of buildkit-drain.',
    points: [{ labels: { version }, value: 1 }],
  };
}

function oldestClientMs({ clients, nowMs }: ServiceReading): number | null {
  const ages = clients.flatMap((entry) => knownAge(entry, nowMs)?.ms ?? []);
  return ages.length === 0 ? null : Math.max(...ages);
}

/** The daemon's clock is that of its host, and so is ours. */
function oldestBuildMs(answer: BuildsAnswer | null, wallMs: number): number | null {
  const starts =
    answer?.kind === 'known' ? answer.builds.flatMap(({ startedAtMs }) => startedAtMs ?? []) : [];
  return starts.length === 0 ? null : Math.max(0, wallMs - Math.min(...starts));
}

/** The clients of an endpoint are known if its listening socket was seen in the same poll. */
function clientPoints({ sample, clients }: ServiceReading): Point[] {
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
