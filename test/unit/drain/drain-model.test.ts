import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type {
  Connection,
  Endpoint,
  EndpointResult,
  Sample,
  Sampler,
} from '../../../src/backends/types.ts';
import type { BuildsAnswer } from '../../../src/builds/types.ts';
import { shortestSilenceMs } from '../../../src/drain/classify.ts';
import { type DrainInput, drain } from '../../../src/drain/drain.ts';
import type { TrackedConnection, TrackedConnections } from '../../../src/drain/tracked.ts';
import type {
  DrainConfig,
  DrainEvent,
  DrainOutcome,
  DrainStatus,
  WatchEvent,
} from '../../../src/drain/types.ts';
import { watch } from '../../../src/drain/watch.ts';
import { drainDefaults } from '../../../src/options/drain-config.ts';
import { brokenPromise, type Judged } from '../../support/drained.ts';
import { modelRuns } from '../support/model-runs.ts';
import {
  client,
  daemonSaying,
  failed,
  runs,
  runsNone,
  samplerOf,
  seen,
  tcpEndpoint,
  traffic,
  unixEndpoint,
  unknownBuilds,
} from '../support/samples.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const config = drainDefaults();

/** One client of a made-up history, its times in ticks of one interval. */
interface Visit {
  readonly from: number;
  readonly ticks: number;
  /** For so many ticks it sends no byte at all. */
  readonly muteFor: number;
  /** For so many ticks more its bytes move, and then no more. */
  readonly speaksFor: number;
  readonly isUnix: boolean;
}

interface History {
  readonly visits: readonly Visit[];
  /** Ticks at which endpoints can't be polled. */
  readonly failures: readonly {
    readonly at: number;
    readonly of: readonly Endpoint[];
  }[];
  /** What the daemon would answer, from a tick on. */
  readonly answers: readonly {
    readonly from: number;
    readonly says: 'none' | 'running' | 'unknown';
  }[];
  readonly intervalMs: number;
}

interface Taken {
  readonly ms: number;
  readonly sample: Sample;
  /** The last answer of the daemon by then. */
  readonly lastAnswer: Asked | undefined;
}

interface Asked {
  readonly ms: number;
  readonly says: 'none' | 'running' | 'unknown';
}

const ticks = 150;
const early = fc.nat({ max: 30 });
const span = fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 50, max: ticks }));
const visits = fc.array(
  fc.record({
    from: early,
    ticks: span,
    muteFor: fc.oneof(fc.constant(0), fc.constant(0), span),
    speaksFor: fc.oneof(fc.nat({ max: 5 }), span),
    isUnix: fc.oneof(fc.constant(false), fc.constant(false), fc.boolean()),
  }),
  { maxLength: 3 },
);
const endpoints = [tcpEndpoint, unixEndpoint];
const failure = fc.record({
  at: early,
  of: fc.constantFrom(endpoints, [tcpEndpoint], [unixEndpoint]),
});
const histories: fc.Arbitrary<History> = fc.record({
  visits,
  failures: fc.oneof(fc.constant([]), fc.array(failure, { maxLength: 3 })),
  answers: fc.array(
    fc.record({
      from: fc.oneof(fc.constant(0), fc.nat({ max: ticks })),
      says: fc.constantFrom('none', 'none', 'running', 'unknown'),
    }),
    { maxLength: 3 },
  ),
  intervalMs: fc.constantFrom(100, 1000),
});
const configs = fc.record({
  quietPeriodMs: fc.constantFrom(0, 500, 3000, 10_000),
  probeGraceMs: fc.constantFrom(0, 1000, 3000),
  maxConnections: fc.constantFrom(0, 0, 1),
});

function answerOf(says: Asked['says']): BuildsAnswer {
  switch (says) {
    case 'none':
      return runsNone();
    case 'running':
      return runs('r');
    case 'unknown':
      return unknownBuilds();
  }
}

/** A history as it is played to a wait or a watch. */
interface Play {
  readonly clock: VirtualClock;
  readonly startMs: number;
  readonly sampler: Sampler;
  readonly answer: () => BuildsAnswer;
  readonly samples: readonly Taken[];
  readonly asked: readonly Asked[];
  readonly visitOf: ReadonlyMap<Connection, Visit>;
}

function play(history: History): Play {
  const clock = new VirtualClock();
  const startMs = clock.now();
  const nowTick = (): number => Math.floor((clock.now() - startMs) / history.intervalMs);
  const connections = history.visits.map((visit, index): [Connection, Visit] => [
    visit.isUnix
      ? client(`socket:[${index}]`, { peerAddress: null, endpoint: unixEndpoint.address })
      : client(`10.0.0.${index}:1`),
    visit,
  ]);
  const samples: Taken[] = [];
  const asked: Asked[] = [];
  const sampleAt = (now: number): Sample => {
    const here = connections
      .filter(([, { from, ticks }]) => from <= now && now < from + ticks)
      .map(([connection]) => connection);
    const failing = history.failures.filter(({ at }) => at === now).flatMap((each) => each.of);
    const { error } = failed();
    const results = endpoints.map((endpoint): EndpointResult => {
      const at = here.filter((connection) => connection.endpoint === endpoint.address);
      return failing.includes(endpoint)
        ? { kind: 'failed', endpoint, error }
        : seen(endpoint, [endpoints.indexOf(endpoint) + 5], at);
    });
    const shown = results.flatMap((result) =>
      result.kind === 'polled' ? result.snapshot.connections : [],
    );
    return failing.length > 0
      ? { kind: 'failed', error, results, connections: shown }
      : { kind: 'counted', revision: clock.now(), results, connections: shown };
  };
  const sample = (): Sample => {
    const taken = sampleAt(nowTick());
    samples.push({ ms: clock.now(), sample: taken, lastAnswer: asked.at(-1) });
    return taken;
  };
  const trafficNow = () =>
    new Map(
      connections.flatMap(([connection, visit]) =>
        visit.isUnix ? [] : [[connection, traffic({ bytesReceived: bytesOf(visit, nowTick()) })]],
      ),
    );
  const answer = (): BuildsAnswer => {
    const says = history.answers.findLast(({ from }) => from <= nowTick())?.says ?? 'unknown';
    asked.push({ ms: clock.now(), says });
    return answerOf(says);
  };
  const sampler = samplerOf(sample, trafficNow);
  return { clock, startMs, sampler, answer, samples, asked, visitOf: new Map(connections) };
}

interface Waited extends Play {
  readonly outcome: DrainOutcome;
  readonly rule: DrainConfig;
  readonly endMs: number;
}

async function waitThrough(
  history: History,
  changes: Partial<DrainConfig>,
  handlers: Partial<DrainInput> = {},
): Promise<Waited> {
  const played = play(history);
  const { clock, sampler, answer } = played;
  const rule = { ...config, intervalMs: history.intervalMs, timeoutMs: 600_000, ...changes };
  const outcome = await drain({
    sampler,
    builds: daemonSaying(answer),
    config: rule,
    clock,
    signal: new AbortController().signal,
    onEvent: () => {},
    ...handlers,
  });
  return { ...played, outcome, rule, endMs: clock.now() };
}

function bytesOf({ muteFor, from, speaksFor }: Visit, now: number): number {
  return Math.min(Math.max(0, now - from - muteFor + 1), speaksFor + 1);
}

/** What one connection of one sample counts as by the documentation. */
function kindOf(
  waited: Waited,
  connection: Connection,
  at: Taken,
): 'client' | 'probe' | 'not-counted' {
  const { samples, rule, visitOf, startMs } = waited;
  const visit = visitOf.get(connection);
  const firstMs = samples.find(({ sample }) => shows(sample, connection))?.ms ?? Number.NaN;
  if (visit === undefined) {
    return 'client';
  }
  const tickOf = (ms: number): number => Math.floor((ms - startMs) / rule.intervalMs);
  const { lastAnswer } = at;
  const hasNoByte = !visit.isUnix && bytesOf(visit, tickOf(at.ms)) === 0;
  const ageMs = at.ms - firstMs;
  const before = samples.findLast(({ ms }) => ms < firstMs);
  const isYoung =
    ageMs < rule.probeGraceMs ||
    (hasNoByte && lastAnswer?.says !== 'none' && ageMs < rule.quietPeriodMs);
  if (before?.sample.kind === 'counted' && isYoung) {
    return 'probe';
  }
  const hasSentNothing = hasNoByte && ageMs >= rule.probeGraceMs && lastAnswer?.says === 'none';
  const fellSilentMs = startMs + (visit.from + visit.muteFor + visit.speaksFor) * rule.intervalMs;
  const isSilent =
    at.ms - Math.max(fellSilentMs, firstMs) >= shortestSilenceMs &&
    lastAnswer?.says === 'none' &&
    lastAnswer.ms >= fellSilentMs;
  return hasSentNothing || (!visit.isUnix && isSilent) ? 'not-counted' : 'client';
}

function shows(sample: Sample, connection: Connection): boolean {
  return sample.kind !== 'gone' && sample.connections.includes(connection);
}

function lastCertainAnswer({ asked }: Waited): Asked | undefined {
  return asked.findLast(({ says }) => says !== 'unknown');
}

describe('a wait through any history', () => {
  it('is drained only after a quiet period of trusted samples without a client', async () => {
    await fc.assert(
      fc.asyncProperty(histories, configs, async (history, changes) => {
        const waited = await waitThrough(history, changes);
        const { outcome, rule, endMs, samples, asked } = waited;
        if (outcome.kind !== 'drained') {
          return;
        }
        // To judge those before, too, would take long.
        const first = samples.findLastIndex(({ ms }) => ms <= endMs - rule.quietPeriodMs);
        const results = samples.slice(Math.max(0, first)).map((at): Judged => {
          const kinds = connectionsOf(at.sample).map((each) => kindOf(waited, each, at));
          const count = (kind: string): number => kinds.filter((each) => each === kind).length;
          const clients = at.sample.kind === 'counted' ? count('client') : null;
          return { ms: at.ms, clients, pending: count('probe') };
        });
        const promised = { ...rule, maxGapMs: 2 * rule.intervalMs };
        expect(brokenPromise(results, endMs, promised)).toBeNull();
        expect(asked.at(-1)?.says).not.toBe('running');
        // If the daemon no longer answers, the builds it named hold the wait for six quiet periods.
        const last = lastCertainAnswer(waited);
        const heldMs = last?.says === 'running' ? 6 * rule.quietPeriodMs : 0;
        expect(endMs - (last?.ms ?? 0)).toBeGreaterThanOrEqual(heldMs);
      }),
      { numRuns: modelRuns },
    );
  }, 120_000);

  it('ends soon after the last client, and after the last answer that named a build', async () => {
    await fc.assert(
      fc.asyncProperty(histories, configs, async (history, changes) => {
        const waited = await waitThrough(history, changes);
        const { outcome, rule, startMs, endMs } = waited;
        if (waited.asked.at(-1)?.says === 'running') {
          expect(outcome.kind).toBe('timed-out');
          return;
        }
        const isHeldByNamed = lastCertainAnswer(waited)?.says === 'running';
        const heldMs = isHeldByNamed ? 6 * rule.quietPeriodMs + 1000 : 0;
        const busyTicks = [
          ...history.visits.map(({ from, ticks }) => from + ticks),
          ...history.failures.map(({ at }) => at + 1),
          ...history.answers.map(({ from }) => from),
          0,
        ];
        const idleMs = startMs + Math.max(...busyTicks) * rule.intervalMs;
        const latestMs = idleMs + heldMs + rule.quietPeriodMs + 3000 + 2 * rule.intervalMs;
        expect(outcome.kind).toBe('drained');
        expect(endMs).toBeLessThanOrEqual(latestMs);
      }),
      { numRuns: modelRuns },
    );
  }, 120_000);

  it('loses no connection, and no time of one, while its endpoint cannot be polled', async () => {
    await fc.assert(
      fc.asyncProperty(histories, configs, async (history, changes) => {
        const statuses: DrainStatus[] = [];
        const onPoll = (status: DrainStatus): void => void statuses.push(status);
        const { samples } = await waitThrough(history, changes, { onPoll });
        const broken: TrackedConnection[] = [];
        let before: TrackedConnections = [];
        for (const status of statuses) {
          const { sample, clients, pending, notCounted } = status;
          const tracked = [...clients, ...pending, ...notCounted];
          const isYounger = ({ connection, firstSeenMs }: TrackedConnection): boolean =>
            samples.find((taken) => shows(taken.sample, connection))?.ms !== firstSeenMs;
          const isLost = (entry: TrackedConnection): boolean =>
            isUnpolled(sample, entry.connection) && !tracked.includes(entry);
          broken.push(...tracked.filter(isYounger), ...before.filter(isLost));
          before = tracked;
        }
        expect(broken).toEqual([]);
      }),
      { numRuns: modelRuns },
    );
  }, 120_000);

  it('reports what a watch does, but for its own progress and end', async () => {
    await fc.assert(
      fc.asyncProperty(histories, configs, async (history, changes) => {
        const waited: Reported[] = [];
        const onEvent = (event: DrainEvent): void => void waited.push(...clientChanges(event));
        const statuses: DrainStatus[] = [];
        const onPoll = (status: DrainStatus): void => void statuses.push(status);
        const { rule } = await waitThrough(history, changes, { onEvent, onPoll, builds: null });
        // The last poll of a wait is at the end of the quiet period, and not of an interval.
        const endMs = statuses.at(-1)?.nowMs ?? 0;
        const watched = await watchThrough(history, rule, endMs);
        const before = (all: readonly Reported[]) => all.filter(({ ms }) => ms < endMs);
        const sorted = (all: readonly Reported[]) =>
          before(all)
            .map(({ ms, what }) => `${ms} ${what}`)
            .sort();
        expect(sorted(watched)).toEqual(sorted(waited));
      }),
      { numRuns: modelRuns },
    );
  }, 120_000);
});

function isUnpolled({ results }: Sample, { endpoint }: Connection): boolean {
  return results.some((each) => each.kind === 'failed' && each.endpoint.address === endpoint);
}

interface Reported {
  readonly ms: number;
  readonly what: string;
}

async function watchThrough(
  history: History,
  rule: DrainConfig,
  untilMs: number,
): Promise<Reported[]> {
  const { clock, sampler } = play(history);
  const stop = new AbortController();
  const reported: Reported[] = [];
  await watch({
    ...{ sampler, builds: null, rule, intervalMs: rule.intervalMs, clock, signal: stop.signal },
    seenBetweenPolls: () => 0,
    tcpConnections: () => 0,
    onPoll({ nowMs }, events) {
      reported.push(...events.flatMap((event) => clientChanges(event)));
      if (nowMs >= untilMs) {
        stop.abort();
      }
    },
  });
  return reported;
}

/** What an event says about which connections are clients. A wait names only those when they come and go. */
function clientChanges(event: DrainEvent | WatchEvent): Reported[] {
  switch (event.kind) {
    case 'started':
      return clientsOf(event.clients, event.nowMs, 'client');
    case 'changed':
      return [
        ...clientsOf(event.arrived, event.nowMs, 'client'),
        ...clientsOf(event.left, event.nowMs, 'left'),
      ];
    case 'counted':
      return clientsOf([event.entry], event.nowMs, 'client');
    case 'not-counted':
    case 'counted-again': {
      const { connection, kind } = event.entry;
      return [{ ms: event.nowMs, what: `${event.kind} ${connection.peer} ${kind}` }];
    }
    case 'count-recovered': {
      const { nowMs: ms, lostForMs, clients } = event;
      return [{ ms, what: `${event.kind} ${lostForMs} ${clients.length}` }];
    }
    default:
      return [];
  }
}

function clientsOf(tracked: TrackedConnections, ms: number, what: string): Reported[] {
  const clients = tracked.filter(({ kind }) => kind === 'client');
  return clients.map(({ connection }) => ({ ms, what: `${what} ${connection.peer}` }));
}

function connectionsOf(sample: Sample): readonly Connection[] {
  return sample.kind === 'counted' ? sample.connections : [];
}
