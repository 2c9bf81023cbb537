import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type {
  Connection,
  CountedSample,
  EndpointResult,
  FailedSample,
  Sampler,
  Traffic,
  TrafficOf,
} from '../../../src/backends/types.ts';
import type { BuildsAnswer } from '../../../src/builds/types.ts';
import { drain } from '../../../src/drain/drain.ts';
import type { TrackedConnection } from '../../../src/drain/tracked.ts';
import type { DrainConfig, DrainEvent, WatchEvent } from '../../../src/drain/types.ts';
import { watch } from '../../../src/drain/watch.ts';
import { drainDefaults } from '../../../src/options/drain-config.ts';
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
import { virtualLoop } from '../support/virtual-loop.ts';

// Whether JavaScript polls or the addon does, a wait sees the same at the same time.

/** A connection of a made-up history, its times in seconds. */
interface Visit {
  readonly fromS: number;
  readonly untilS: number;
  /** When a byte comes from the peer. */
  readonly bytesAtS: readonly number[];
  /** From when on its peer answers nothing; null for never. */
  readonly unansweredFromS: number | null;
  readonly kind: 'tcp' | 'unix' | 'ignored' | 'unknown';
}

interface History {
  readonly visits: readonly Visit[];
  readonly failsAtS: readonly number[];
  readonly answers: readonly { readonly fromS: number; readonly says: Says }[];
  readonly announces: boolean;
  /** When the machine stands still, and for how long. */
  readonly stalls: readonly { readonly atS: number; readonly ms: number }[];
}

type Says = 'none' | 'running' | 'unknown';

const tenths = (mostS: number) => fc.nat({ max: mostS * 10 }).map((tenth) => tenth / 10);
const visit: fc.Arbitrary<Visit> = fc.record({
  fromS: fc.oneof(fc.constant(0), tenths(10)),
  untilS: fc.oneof(tenths(15), fc.constant(Infinity), tenths(120)),
  bytesAtS: fc.array(fc.oneof(tenths(3), tenths(100)), { maxLength: 3 }),
  unansweredFromS: fc.oneof(fc.constant(null), tenths(5)),
  kind: fc.constantFrom('tcp', 'tcp', 'tcp', 'tcp', 'unix', 'ignored', 'unknown'),
});
const histories: fc.Arbitrary<History> = fc.record({
  visits: fc.array(visit, { maxLength: 3 }),
  failsAtS: fc.oneof(fc.constant([]), fc.array(tenths(60), { maxLength: 2 })),
  answers: fc.array(
    fc.record({
      fromS: fc.oneof(fc.constant(0), tenths(60)),
      says: fc.constantFrom('none', 'none', 'running', 'unknown', 'unknown'),
    }),
    { maxLength: 3 },
  ),
  announces: fc.boolean(),
  stalls: fc.oneof(
    fc.constant([]),
    fc.array(fc.record({ atS: tenths(40), ms: fc.constantFrom(150, 900, 5000) }), { maxLength: 3 }),
  ),
});
const configs: fc.Arbitrary<Partial<DrainConfig>> = fc.record({
  intervalMs: fc.constantFrom(100, 100, 700, 3000),
  quietPeriodMs: fc.constantFrom(500, 750, 2000, 30_000),
  probeGraceMs: fc.constantFrom(0, 1000, 3000),
  maxConnections: fc.constantFrom(0, 0, 1),
  ignoreSilentMs: fc.constantFrom(null, null, 50_000),
  ignoreUnreachableMs: fc.constantFrom(null, 5000, 5000),
  progressEveryMs: fc.constantFrom(10_000, 30_000),
  timeoutMs: fc.constantFrom(20_000, 150_000),
  builds: fc.constantFrom('auto', 'off'),
});

class StallingClock extends VirtualClock {
  /** Called when time has passed. */
  onPass = (): unknown => null;
  readonly #stalls: { atMs: number; ms: number }[];

  constructor(stalls: History['stalls']) {
    super();
    this.#stalls = stalls.map(({ atS, ms }) => ({ atMs: this.ms + atS * 1000, ms }));
  }

  override async sleep(durationMs: number): Promise<void> {
    await super.sleep(durationMs);
    for (const due of this.#stalls.filter(({ atMs }) => atMs <= this.ms)) {
      this.#stalls.splice(this.#stalls.indexOf(due), 1);
      this.ms += due.ms;
    }
    this.onPass();
  }
}

interface Play {
  readonly clock: StallingClock;
  readonly sampler: Sampler;
  readonly answer: () => BuildsAnswer;
}

function play(history: History, hasLoop: boolean): Play {
  const clock = new StallingClock(history.stalls);
  const startMs = clock.now();
  const nowS = (): number => (clock.now() - startMs) / 1000;
  const all = history.visits.map((each, index): [Connection, Visit] => [
    connectionOf(each, index),
    each,
  ]);
  const here = () => all.filter(([, { fromS, untilS }]) => fromS <= nowS() && nowS() < untilS);
  const isFailing = () => history.failsAtS.some((atS) => Math.abs(atS - nowS()) < 0.05);
  const stateNow = () =>
    here()
      .map(([{ peer }]) => peer)
      .join();
  let revision = 0;
  let shown: string | null = null;
  let read: TrafficOf = new Map();

  const sample = (): CountedSample | FailedSample => {
    const connections = here().map(([connection]) => connection);
    const results = [tcpEndpoint, unixEndpoint].map((endpoint, index): EndpointResult => {
      const at = connections.filter((each) => each.endpoint === endpoint.address);
      return seen(endpoint, [index + 5], at);
    });
    if (isFailing()) {
      shown = null;
      return { ...failed(), results, connections };
    }
    revision += shown === stateNow() ? 0 : 1;
    shown = stateNow();
    return { kind: 'counted', revision, results, connections };
  };
  const isUnchanged = (): boolean => shown !== null && !isFailing() && shown === stateNow();
  const trafficNow = (): TrafficOf =>
    new Map(
      here().flatMap(([connection, each]) => {
        const known = trafficOf(each, nowS());
        return known === null ? [] : [[connection, known]];
      }),
    );
  // As the addon compares it: native/include/sockdiag/seen_traffic.h.
  const hasTrafficMoved = (): boolean =>
    [...trafficNow()].some(([connection, now]) => {
      const before = read.get(connection);
      return (
        before === undefined ||
        before.bytesReceived !== now.bytesReceived ||
        before.unanswered !== now.unanswered ||
        (now.unanswered !== 0 && (now.msSinceAcked ?? 0) < (before.msSinceAcked ?? 0))
      );
    });
  const loop = virtualLoop(clock, { isUnchanged, hasTrafficMoved });
  const sampler: Sampler = {
    ...samplerOf(sample, () => {
      read = trafficNow();
      return read;
    }),
    isUnchanged,
    loop: () => (hasLoop ? loop : null),
    announcesEnd: ({ peerAddress }) => history.announces && peerAddress !== null,
  };
  const answer = (): BuildsAnswer => {
    const says = history.answers.findLast(({ fromS }) => fromS <= nowS())?.says ?? 'unknown';
    return { none: runsNone, running: () => runs('r'), unknown: unknownBuilds }[says]();
  };
  return { clock, sampler, answer };
}

const ignoredAddress = '10.9.9.9';

function connectionOf({ kind }: Visit, index: number): Connection {
  switch (kind) {
    case 'unix':
      return client(`socket:[${index}]`, { peerAddress: null, endpoint: unixEndpoint.address });
    case 'ignored':
      return client(`${ignoredAddress}:${index}`);
    default:
      return client(`10.0.0.${index}:1`);
  }
}

function trafficOf(
  { kind, fromS, bytesAtS, unansweredFromS }: Visit,
  nowS: number,
): Traffic | null {
  if (kind === 'unix' || kind === 'unknown') {
    return null;
  }
  const goneForS = nowS - fromS - (unansweredFromS ?? Infinity);
  const isGone = goneForS >= 0;
  return traffic({
    bytesReceived: bytesAtS.filter((atS) => fromS + atS <= nowS).length * 3000,
    unanswered: isGone ? Math.min(6, 1 + Math.floor(goneForS)) : 0,
    msSinceAcked: isGone ? goneForS * 1000 : 0,
  });
}

const rule = drainDefaults();
const counts: DrainConfig['counts'] = ({ peerAddress }) => peerAddress !== ignoredAddress;

/** What is said of a connection, but for the ages that each full poll reads anew. */
function told({ connection, kind, firstSeenMs, isArrivalSeen, traffic: at }: TrackedConnection) {
  return `${connection.peer} ${kind} ${firstSeenMs} ${isArrivalSeen} ${at?.silentSinceMs}`;
}

function toldOf(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (key, inner) =>
      key === 'sample' || key === 'revision'
        ? undefined
        : inner?.connection !== undefined
          ? told(inner)
          : inner,
    ),
  );
}

async function waited(history: History, changes: Partial<DrainConfig>, hasLoop: boolean) {
  const { clock, sampler, answer } = play(history, hasLoop);
  const config = { ...rule, counts, ...changes };
  const events: DrainEvent[] = [];
  const outcome = await drain({
    ...{ sampler, config, clock },
    builds: config.builds === 'off' ? null : daemonSaying(answer),
    signal: new AbortController().signal,
    onEvent: (event) => events.push(event),
  });
  return toldOf({ events, outcome });
}

describe('a wait through any history', () => {
  it('sees the same, at the same time, whether JavaScript polls or the addon', async () => {
    await fc.assert(
      fc.asyncProperty(histories, configs, async (history, changes) => {
        const byLoop = await waited(history, changes, true);
        expect(byLoop).toEqual(await waited(history, changes, false));
      }),
      { numRuns: modelRuns },
    );
  }, 240_000);
});

/** What a watch reports until this time, and the kinds that it shows at any moment. */
async function watched(history: History, changes: Partial<DrainConfig>, hasLoop: boolean) {
  const { clock, sampler, answer } = play(history, hasLoop);
  const stop = new AbortController();
  const endMs = clock.now() + 70_000;
  const config = { ...rule, counts, ...changes };
  const events: WatchEvent[] = [];
  clock.onPass = () => clock.now() >= endMs && stop.abort();
  await watch({
    ...{ sampler, rule: config, intervalMs: config.intervalMs, clock, signal: stop.signal },
    builds: config.builds === 'off' ? null : daemonSaying(answer),
    seenBetweenPolls: () => 0,
    tcpConnections: () => 0,
    onPoll: (_, polled) => void events.push(...polled),
  });
  return toldOf(events);
}

describe('a watch of any history', () => {
  it('reports the same, at the same time, whether JavaScript polls or the addon', async () => {
    await fc.assert(
      fc.asyncProperty(histories, configs, async (history, changes) => {
        const byLoop = await watched(history, changes, true);
        expect(byLoop).toEqual(await watched(history, changes, false));
      }),
      { numRuns: modelRuns },
    );
  }, 240_000);
});

it('named builds expire at the same time, whether JavaScript polls or the addon', async () => {
  // Of a client that no longer answers, and is not counted after 5 s: only time makes them expire.
  const lost = {
    fromS: 0,
    untilS: Infinity,
    bytesAtS: [],
    unansweredFromS: 0,
    kind: 'tcp',
  } as const;
  const history: History = {
    ...{ visits: [lost], failsAtS: [], announces: false, stalls: [] },
    answers: [
      { fromS: 0, says: 'running' },
      { fromS: 1, says: 'unknown' },
    ],
  };
  const changes = { quietPeriodMs: 550, ignoreUnreachableMs: 5000, timeoutMs: 20_000 };
  const byLoop = await waited(history, changes, true);
  expect(byLoop).toMatchObject({ outcome: { kind: 'drained' } });
  expect(byLoop).toEqual(await waited(history, changes, false));
});
