import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Connection, Sample } from '../../../src/backends/types.ts';
import type { BuildsAnswer } from '../../../src/builds/types.ts';
import { shortestSilenceMs } from '../../../src/drain/classify.ts';
import { drain } from '../../../src/drain/drain.ts';
import type { DrainConfig, DrainOutcome } from '../../../src/drain/types.ts';
import { drainDefaults as config } from '../../../src/drain/types.ts';
import { brokenPromise, type Judged } from '../../support/drained.ts';
import {
  client,
  counted,
  daemonSaying,
  failed,
  runs,
  runsNone,
  samplerOf,
  traffic,
  unknownBuilds,
} from '../support/samples.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

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
  /** Ticks at which looking fails. */
  readonly blindAt: readonly number[];
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
  /** What the daemon had last said by then. */
  readonly said: Asked | undefined;
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
const histories: fc.Arbitrary<History> = fc.record({
  visits,
  blindAt: fc.oneof(fc.constant([]), fc.array(early, { maxLength: 2 })),
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

interface Waited {
  readonly outcome: DrainOutcome;
  readonly rule: DrainConfig;
  readonly startMs: number;
  readonly endMs: number;
  readonly samples: readonly Taken[];
  readonly asked: readonly Asked[];
  readonly visitOf: ReadonlyMap<Connection, Visit>;
}

async function waitThrough(history: History, changes: Partial<DrainConfig>): Promise<Waited> {
  const clock = new VirtualClock();
  const startMs = clock.now();
  const nowTick = (): number => Math.floor((clock.now() - startMs) / history.intervalMs);
  const connections = history.visits.map((visit, index): [Connection, Visit] => [
    visit.isUnix ? client(`socket:[${index}]`, { peerAddress: null }) : client(`10.0.0.${index}:1`),
    visit,
  ]);
  const samples: Taken[] = [];
  const asked: Asked[] = [];
  const sample = (): Sample => {
    const now = nowTick();
    const here = connections.filter(([, { from, ticks }]) => from <= now && now < from + ticks);
    const taken = history.blindAt.includes(now) ? failed() : counted(...here.map(([each]) => each));
    samples.push({ ms: clock.now(), sample: taken, said: asked.at(-1) });
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
  const rule = { ...config, intervalMs: history.intervalMs, timeoutMs: 600_000, ...changes };
  const outcome = await drain({
    sampler: samplerOf(sample, trafficNow),
    builds: daemonSaying(answer),
    config: rule,
    clock,
    signal: new AbortController().signal,
    onEvent: () => {},
  });
  return {
    outcome,
    rule,
    startMs,
    endMs: clock.now(),
    samples,
    asked,
    visitOf: new Map(connections),
  };
}

function bytesOf({ muteFor, from, speaksFor }: Visit, now: number): number {
  return Math.min(Math.max(0, now - from - muteFor + 1), speaksFor + 1);
}

/** What a reader of the documentation would say of one connection in one sample. */
function takenFor(
  waited: Waited,
  connection: Connection,
  at: Taken,
): 'client' | 'probe' | 'nobody' {
  const { samples, rule, visitOf, startMs } = waited;
  const visit = visitOf.get(connection);
  const firstMs = samples.find(({ sample }) => shows(sample, connection))?.ms ?? Number.NaN;
  if (visit === undefined) {
    return 'client';
  }
  const tickOf = (ms: number): number => Math.floor((ms - startMs) / rule.intervalMs);
  const { said } = at;
  const hasNoByte = !visit.isUnix && bytesOf(visit, tickOf(at.ms)) === 0;
  const ageMs = at.ms - firstMs;
  const before = samples.findLast(({ ms }) => ms < firstMs);
  const isYoung =
    ageMs < rule.probeGraceMs || (hasNoByte && said?.says !== 'none' && ageMs < rule.quietPeriodMs);
  if (before?.sample.kind === 'counted' && isYoung) {
    return 'probe';
  }
  const hasSentNothing = hasNoByte && ageMs >= rule.probeGraceMs && said?.says === 'none';
  const fellSilentMs = startMs + (visit.from + visit.muteFor + visit.speaksFor) * rule.intervalMs;
  const isSilent =
    at.ms - Math.max(fellSilentMs, firstMs) >= shortestSilenceMs &&
    said?.says === 'none' &&
    said.ms >= fellSilentMs;
  return hasSentNothing || (!visit.isUnix && isSilent) ? 'nobody' : 'client';
}

function shows(sample: Sample, connection: Connection): boolean {
  return sample.kind === 'counted' && sample.connections.includes(connection);
}

function lastCertainAnswer({ asked }: Waited): Asked | undefined {
  return asked.findLast(({ says }) => says !== 'unknown');
}

describe('a wait through any history', () => {
  it('is drained only after a quiet period of vouched-for samples without a client', async () => {
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
          const standings = connectionsOf(at.sample).map((each) => takenFor(waited, each, at));
          const count = (kind: string): number => standings.filter((each) => each === kind).length;
          const clients = at.sample.kind === 'counted' ? count('client') : null;
          return { ms: at.ms, clients, pending: count('probe') };
        });
        const promised = { ...rule, maxGapMs: 2 * rule.intervalMs };
        expect(brokenPromise(results, endMs, promised)).toBeNull();
        expect(asked.at(-1)?.says).not.toBe('running');
        // Where the daemon says no more, its last word holds for six quiet periods.
        const last = lastCertainAnswer(waited);
        const heldMs = last?.says === 'running' ? 6 * rule.quietPeriodMs : 0;
        expect(endMs - (last?.ms ?? 0)).toBeGreaterThanOrEqual(heldMs);
      }),
      { numRuns: 300 },
    );
  }, 120_000);

  it('ends soon after the last client, and after the last word of a build', async () => {
    await fc.assert(
      fc.asyncProperty(histories, configs, async (history, changes) => {
        const waited = await waitThrough(history, changes);
        const { outcome, rule, startMs, endMs } = waited;
        if (waited.asked.at(-1)?.says === 'running') {
          expect(outcome.kind).toBe('timed-out');
          return;
        }
        const isHeldByWord = lastCertainAnswer(waited)?.says === 'running';
        const heldMs = isHeldByWord ? 6 * rule.quietPeriodMs + 1000 : 0;
        const busyTicks = [
          ...history.visits.map(({ from, ticks }) => from + ticks),
          ...history.blindAt.map((at) => at + 1),
          ...history.answers.map(({ from }) => from),
          0,
        ];
        const idleMs = startMs + Math.max(...busyTicks) * rule.intervalMs;
        const latestMs = idleMs + heldMs + rule.quietPeriodMs + 3000 + 2 * rule.intervalMs;
        expect(outcome.kind).toBe('drained');
        expect(endMs).toBeLessThanOrEqual(latestMs);
      }),
      { numRuns: 300 },
    );
  }, 120_000);
});

function connectionsOf(sample: Sample): readonly Connection[] {
  return sample.kind === 'counted' ? sample.connections : [];
}
