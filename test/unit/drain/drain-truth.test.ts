import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Connection, Sample } from '../../../src/backends/types.ts';
import type { BuildsAnswer, BuildsSource, DaemonAnswer } from '../../../src/builds/types.ts';
import { drain } from '../../../src/drain/drain.ts';
import type { DrainConfig, DrainOutcome } from '../../../src/drain/types.ts';
import { drainDefaults } from '../../../src/options/drain-config.ts';
import { modelRuns } from '../support/model-runs.ts';
import {
  client,
  failed,
  gone,
  nextRevision,
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

// A made-up world with its ground truth: daemons one after the other, clients, their builds,
// and what the API says. All times are in ticks of 100 ms.
const tickMs = 100;
const horizon = 900;
// A clientless build may go on unseen for so long; a client that waits longer is none.
const quietPeriodMs = 3000;

/** How the API of a daemon answers. */
type Api =
  /** It names all builds, as a release of today does. */
  | 'right'
  /** It names builds, and is not believed otherwise: of no known version, its history empty. */
  | 'unstamped'
  /** It can't be asked at all. */
  | 'closed';

/** One life of the daemon. It begins where the one before ends, after a pause without any. */
interface Life {
  readonly ticks: number;
  readonly pauseTicks: number;
  readonly api: Api;
  /** Ticks of its life from which on it does not answer for a while. */
  readonly hangsAt: number;
  readonly hangsFor: number;
}

/** A client with some builds over one connection, each of a pause and a length. */
interface Client {
  readonly at: number;
  readonly staysFor: number;
  readonly isUnix: boolean;
  /** In a third network namespace, where no table shows it: only the daemon's answer names its builds. */
  readonly isHidden: boolean;
  readonly builds: readonly { readonly after: number; readonly ticks: number }[];
}

interface World {
  readonly lives: readonly Life[];
  readonly clients: readonly Client[];
  /** Whether processes can be seen, so that a daemon without a successor is found dead. */
  readonly seesProcesses: boolean;
  readonly failsAt: readonly number[];
}

const short = fc.integer({ min: 1, max: 30 });
const lives = fc.array(
  fc.record({
    ticks: fc.integer({ min: 20, max: 300 }),
    pauseTicks: fc.nat({ max: 20 }),
    api: fc.constantFrom<Api>('right', 'right', 'unstamped', 'closed'),
    hangsAt: fc.nat({ max: 100 }),
    hangsFor: fc.oneof(fc.constant(0), fc.nat({ max: 60 })),
  }),
  { minLength: 1, maxLength: 3 },
);
const clients = fc.array(
  fc.record({
    at: fc.nat({ max: 200 }),
    staysFor: fc.nat({ max: 100 }),
    isUnix: fc.boolean(),
    isHidden: fc.boolean(),
    builds: fc.array(fc.record({ after: fc.nat({ max: 20 }), ticks: short }), { maxLength: 3 }),
  }),
  { maxLength: 4 },
);
const worlds: fc.Arbitrary<World> = fc.record({
  lives,
  clients,
  seesProcesses: fc.boolean(),
  failsAt: fc.array(fc.nat({ max: 250 }), { maxLength: 3 }),
});

/** A build as it truly ran: of ticks from..to, and of which daemon. */
interface TrueBuild {
  readonly ref: string;
  readonly life: number;
  readonly from: number;
  readonly to: number;
}

interface TrueConnection {
  readonly connection: Connection;
  readonly isHidden: boolean;
  readonly life: number;
  readonly from: number;
  readonly to: number;
}

interface Truth {
  readonly lifeAt: (tick: number) => number | null;
  readonly connections: readonly TrueConnection[];
  readonly builds: readonly TrueBuild[];
  /** From then on nothing is connected, nothing runs, and the daemon no longer changes. */
  readonly idleFrom: number;
}

function truthOf({ lives: all, clients: those, failsAt }: World): Truth {
  const starts: number[] = [];
  let tick = 0;
  for (const { ticks, pauseTicks } of all) {
    starts.push(tick);
    tick += ticks + pauseTicks;
  }
  // The last one lives on.
  const endOf = (life: number): number =>
    life === all.length - 1 ? Infinity : (starts[life] ?? 0) + (all[life]?.ticks ?? 0);
  const lifeAt = (at: number): number | null => {
    const life = starts.findLastIndex((start) => start <= at);
    return at < endOf(life) ? life : null;
  };
  const connections: TrueConnection[] = [];
  const builds: TrueBuild[] = [];
  for (const [index, each] of those.entries()) {
    const life = lifeAt(each.at);
    if (life !== null) {
      let from = each.at;
      const ran = each.builds.map(({ after, ticks }, number) => {
        from += after + ticks;
        return { ref: `${index}-${number}`, life, from: from - ticks, to: from };
      });
      const to = Math.min(from + each.staysFor, endOf(life));
      const isHidden = each.isHidden && all.every(isAlwaysRight);
      connections.push({
        connection: connectionOf(each, index),
        isHidden,
        life,
        from: each.at,
        to,
      });
      builds.push(...ran.map((build) => ({ ...build, to: Math.min(build.to, to) })));
    }
  }
  const lastHang = Math.max(
    ...all.map(({ hangsAt, hangsFor }, life) => (starts[life] ?? 0) + hangsAt + hangsFor),
  );
  const idleFrom = Math.max(
    0,
    ...failsAt.map((at) => at + 1),
    ...connections.map(({ to }) => to),
    starts.at(-1) ?? 0,
    lastHang,
  );
  return { lifeAt, connections, builds: builds.filter(({ from, to }) => from < to), idleFrom };
}

function isAlwaysRight({ api, hangsFor }: Life): boolean {
  return api === 'right' && hangsFor === 0;
}

function connectionOf({ isUnix }: Client, index: number): Connection {
  return isUnix
    ? client(`socket:[${index}]`, { peerAddress: null, endpoint: unixEndpoint.address })
    : client(`10.0.0.${index}:1`);
}

const isAt =
  (tick: number) =>
  ({ from, to }: { readonly from: number; readonly to: number }): boolean =>
    from <= tick && tick < to;

interface Lived {
  readonly outcome: DrainOutcome;
  readonly truth: Truth;
  readonly endTick: number;
  readonly endMs: number;
}

async function waitIn(world: World, changes: Partial<DrainConfig> = {}): Promise<Lived> {
  const truth = truthOf(world);
  const clock = new VirtualClock();
  const startMs = clock.now();
  const now = (): number => Math.floor((clock.now() - startMs) / tickMs);
  const sample = (): Sample => {
    const tick = now();
    const life = truth.lifeAt(tick);
    if (world.failsAt.includes(tick)) {
      return failed();
    }
    if (life === null) {
      return world.seesProcesses ? gone : failed('ERR_NO_LISTENER');
    }
    const here = truth.connections
      .filter((each) => isAt(tick)(each) && !each.isHidden)
      .map(({ connection }) => connection);
    const at = (endpoint: typeof tcpEndpoint): Connection[] =>
      here.filter((connection) => connection.endpoint === endpoint.address);
    const results = [
      seen(tcpEndpoint, [10 + life], at(tcpEndpoint)),
      seen(unixEndpoint, [20 + life], at(unixEndpoint)),
    ];
    return { kind: 'counted', revision: nextRevision(), results, connections: here };
  };
  const answerOf = (life: number): BuildsAnswer => {
    const tick = now();
    const { api, hangsAt, hangsFor } = world.lives[life] ?? ({} as Life);
    const start = truth.lifeAt(tick) === life ? lifeStart(world, life) : 0;
    if (api === 'closed' || isAt(tick - start)({ from: hangsAt, to: hangsAt + hangsFor })) {
      return unknownBuilds('ERR_CALL_TIMEOUT');
    }
    const own = truth.builds.filter((build) => build.life === life);
    const running = own.filter(isAt(tick)).map(({ ref }) => ref);
    const ended = own.filter(({ to }) => to <= tick).map(({ to }) => startMs + to * tickMs);
    if (running.length > 0) {
      return runs(...running);
    }
    return api === 'right' || named.has(life)
      ? runsNone(ended.length === 0 ? null : Math.max(...ended))
      : unknownBuilds('ERR_ZERO_NOT_TRUSTED');
  };
  const named = new Set<number>();
  // Its two endpoints are one daemon where its process can be seen, and else two.
  const ask = async (): Promise<readonly DaemonAnswer[]> => {
    const life = truth.lifeAt(now());
    if (life === null) {
      return [];
    }
    const answer = answerOf(life);
    if (answer.kind === 'known' && answer.builds.length > 0) {
      named.add(life);
    }
    const listeners = [10 + life, 20 + life];
    return world.seesProcesses
      ? [{ endpoints: [tcpEndpoint, unixEndpoint], listeners, answer }]
      : [
          { endpoints: [unixEndpoint], listeners: [20 + life], answer },
          // Over TCP it has TLS, and there is no certificate.
          {
            endpoints: [tcpEndpoint],
            listeners: [10 + life],
            answer: unknownBuilds('ERR_NO_GRPC'),
          },
        ];
  };
  const source: BuildsSource = { ask, ownPeers: () => [], isSettled: () => true };
  const trafficNow = () =>
    new Map(
      truth.connections.map(({ connection }) => [connection, traffic({ bytesReceived: now() })]),
    );
  const config = { ...drainDefaults(), quietPeriodMs, timeoutMs: horizon * tickMs, ...changes };
  const outcome = await drain({
    ...{ sampler: samplerOf(sample, trafficNow), builds: source, config, clock },
    signal: new AbortController().signal,
    onEvent: () => {},
  });
  return { outcome, truth, endTick: now(), endMs: clock.now() - startMs };
}

function lifeStart({ lives: all }: World, life: number): number {
  return all.slice(0, life).reduce((sum, { ticks, pauseTicks }) => sum + ticks + pauseTicks, 0);
}

describe('a wait in any world', () => {
  it('never ends as drained or gone while a build runs', async () => {
    await fc.assert(
      fc.asyncProperty(worlds, async (world) => {
        const { outcome, truth, endTick } = await waitIn(world);
        if (outcome.kind === 'drained' || outcome.kind === 'gone') {
          expect(truth.builds.filter(isAt(endTick))).toEqual([]);
        }
      }),
      { numRuns: 5 * modelRuns },
    );
  }, 120_000);

  it('ends within two quiet periods once nothing is connected and nothing runs', async () => {
    await fc.assert(
      fc.asyncProperty(worlds, async (world) => {
        const { outcome, truth, endMs } = await waitIn(world);
        expect(['drained', 'gone']).toContain(outcome.kind);
        expect(endMs).toBeLessThanOrEqual(truth.idleFrom * tickMs + 2 * quietPeriodMs);
      }),
      { numRuns: 5 * modelRuns },
    );
  }, 120_000);
});
