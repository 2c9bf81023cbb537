import { describe, expect, it } from 'vitest';
import {
  BackendError,
  type Connection,
  type EndedConnection,
  type Sample,
  type Traffic,
} from '../../../src/backends/types.ts';
import type { BuildsAnswer } from '../../../src/builds/types.ts';
import { drain } from '../../../src/drain/drain.ts';
import type { DrainConfig, DrainEvent, DrainOutcome } from '../../../src/drain/types.ts';
import { drainDefaults } from '../../../src/options/drain-config.ts';
import {
  client,
  counted,
  daemonSaying,
  runs,
  runsNone,
  samplerOf,
  seen,
  tcpEndpoint,
  traffic,
  unknownBuilds,
} from '../support/samples.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const config = drainDefaults();

const builder = client('10.0.0.5:4000');
const probe = client('10.0.0.9:5000');
const running = runs('r1');
const none = runsNone();
const unknown = unknownBuilds();

interface World {
  readonly sampleAt: (ms: number) => Sample;
  readonly trafficAt?: (ms: number) => readonly [Connection, Traffic][];
  readonly buildsAt?: (ms: number) => BuildsAnswer;
  readonly endedAt?: (ms: number) => readonly EndedConnection[];
  readonly ownPeers?: readonly string[];
  /** Whether the sampler knows that nothing has changed since the last sample. */
  readonly isUnchanged?: boolean;
}

interface Run {
  readonly outcome: DrainOutcome;
  readonly events: readonly DrainEvent[];
  /** When the daemon was asked, in milliseconds since the start. */
  readonly asked: readonly number[];
}

async function run(world: World, changes: Partial<DrainConfig> = {}): Promise<Run> {
  const clock = new VirtualClock();
  const startMs = clock.now();
  const nowMs = (): number => clock.now() - startMs;
  const events: DrainEvent[] = [];
  const asked: number[] = [];
  const { buildsAt, ownPeers = [], isUnchanged = false } = world;
  const answer = (): BuildsAnswer => {
    asked.push(nowMs());
    return buildsAt?.(nowMs()) ?? unknown;
  };
  const outcome = await drain({
    sampler: {
      ...samplerOf(
        () => world.sampleAt(nowMs()),
        () => new Map(world.trafficAt?.(nowMs())),
      ),
      isUnchanged: () => isUnchanged,
      takeEnded: () => world.endedAt?.(nowMs()) ?? [],
    },
    builds: buildsAt === undefined ? null : daemonSaying(answer, ownPeers),
    config: { ...config, timeoutMs: 600_000, ...changes },
    clock,
    signal: new AbortController().signal,
    onEvent: (event) => events.push(event),
  });
  return { outcome, events, asked };
}

const only = <Kind extends DrainEvent['kind']>(events: readonly DrainEvent[], kind: Kind) =>
  events.filter((event): event is Extract<DrainEvent, { kind: Kind }> => event.kind === kind);

describe('a probe', () => {
  const everySecond = (ms: number): boolean => ms % 1000 === 500;

  it('that is gone within the grace does not start the quiet period over', async () => {
    const { outcome, events } = await run({
      sampleAt: (ms) => (everySecond(ms) ? counted(probe) : counted()),
    });
    expect(outcome).toMatchObject({ kind: 'drained', waitedMs: 10_000, probes: 10 });
    expect(outcome.mostConnections).toBe(0);
    expect(events.map(({ kind }) => kind)).toEqual(['started']);
  });

  it('starts it over where there is no grace', async () => {
    const { outcome } = await run(
      { sampleAt: (ms) => (everySecond(ms) && ms < 5000 ? counted(probe) : counted()) },
      { probeGraceMs: 0 },
    );
    expect(outcome).toMatchObject({ kind: 'drained', waitedMs: 4600 + 10_000 });
  });

  it('that is there when the quiet period is over is waited for', async () => {
    const { outcome } = await run({
      sampleAt: (ms) => (ms >= 9800 && ms < 10_300 ? counted(probe) : counted()),
    });
    expect(outcome).toMatchObject({ kind: 'drained', waitedMs: 10_300 });
  });

  it('that stays is a client since its grace was over, and quiet begins when it has left', async () => {
    const { outcome, events } = await run({
      sampleAt: (ms) => (ms >= 5000 && ms < 7000 ? counted(probe) : counted()),
    });
    expect(outcome).toMatchObject({ kind: 'drained', waitedMs: 17_000, mostConnections: 1 });
    expect(only(events, 'changed')).toMatchObject([
      { waitedMs: 6000, arrived: [{ connection: probe, firstSeenMs: 1_005_000 }] },
      { waitedMs: 7000, left: [{ connection: probe }] },
    ]);
  });

  it('is not what was old enough in the queue, and has just been accepted', async () => {
    const { outcome } = await run({
      sampleAt: (ms) =>
        ms >= 2000 && ms < 5500 ? counted(client(null, { inode: ms < 4900 ? 0 : 9 })) : counted(),
    });
    expect(outcome).toMatchObject({ kind: 'drained', waitedMs: 15_500 });
  });

  it('is not what was there from the start: its age is not known', async () => {
    const { outcome } = await run({
      sampleAt: (ms) => (ms < 500 ? counted(builder) : counted()),
    });
    expect(outcome).toMatchObject({ kind: 'drained', waitedMs: 10_500 });
  });

  it('is not what came in a sampling gap', async () => {
    const { outcome } = await run({
      sampleAt: (ms) => {
        const error = new BackendError('EPERM', 'poll', 'no');
        return ms >= 5000 && ms < 6000
          ? { kind: 'failed', error, results: [], connections: [] }
          : ms >= 6000 && ms < 6500
            ? counted(probe)
            : counted();
      },
    });
    expect(outcome).toMatchObject({ kind: 'drained', waitedMs: 16_500 });
  });
});

describe('a short connection', () => {
  const ended = (bytesReceived: number | null): EndedConnection => {
    return { peer: '10.0.0.9:5000', peerAddress: '10.0.0.9', bytesReceived };
  };

  it('that brought more than a probe does was a client, though no poll has shown it', async () => {
    const { outcome, events } = await run({
      sampleAt: () => counted(),
      endedAt: (ms) => (ms === 4000 ? [ended(5001)] : []),
    });
    expect(outcome).toMatchObject({ kind: 'drained', waitedMs: 14_000 });
    expect(only(events, 'short-lived-clients')).toMatchObject([{ clients: [ended(5001)] }]);
  });

  it('that brought next to nothing, or an unknown amount, was a probe', async () => {
    const { outcome } = await run({
      sampleAt: () => counted(),
      endedAt: (ms) => (ms === 4000 ? [ended(5000), ended(null)] : []),
    });
    expect(outcome).toMatchObject({ kind: 'drained', waitedMs: 10_000 });
  });

  it('that is our own request for builds is no client, though its certificates are long', async () => {
    const { outcome } = await run({
      sampleAt: () => counted(),
      buildsAt: () => unknown,
      ownPeers: ['10.0.0.9:5000'],
      endedAt: () => [ended(9000)],
    });
    expect(outcome).toMatchObject({ kind: 'drained', waitedMs: 10_000 });
  });

  it('of a peer that does not count changes nothing', async () => {
    const { outcome } = await run(
      { sampleAt: () => counted(), endedAt: (ms) => (ms === 4000 ? [ended(1e6)] : []) },
      { counts: ({ peerAddress }) => peerAddress !== '10.0.0.9' },
    );
    expect(outcome).toMatchObject({ kind: 'drained', waitedMs: 10_000 });
  });

  it.for([
    ['is no other one where it was counted until the daemon closed it, and ends later', 0, []],
    [
      'was a client where it brought more after it was last counted',
      5000,
      [{ bytesReceived: 1e6 + 5001 }],
    ],
  ] as const)('%s', async ([, more, shortLived]) => {
    const bytesReceived = 1e6 + 1 + more;
    const { outcome, events } = await run({
      sampleAt: (ms) => (ms < 4000 ? counted(probe) : counted()),
      trafficAt: () => [[probe, traffic({ bytesReceived: 1e6 })]],
      endedAt: (ms) => (ms === 6000 ? [ended(bytesReceived)] : []),
    });
    const quietMs = shortLived.length === 0 ? 4000 : 6000;
    expect(outcome).toMatchObject({ kind: 'drained', waitedMs: quietMs + 10_000 });
    expect(only(events, 'short-lived-clients').map(({ clients }) => clients[0])).toMatchObject(
      shortLived,
    );
  });

  it('was no client for what it brought long ago: a channel that falls silent and is closed', async () => {
    const { outcome } = await run({
      sampleAt: (ms) => (ms < 50_000 ? counted(probe) : counted()),
      trafficAt: () => [[probe, traffic({ bytesReceived: 1e6 })]],
      buildsAt: () => none,
      endedAt: (ms) => (ms === 50_000 ? [ended(1e6 + 1)] : []),
    });
    expect(outcome).toMatchObject({ kind: 'drained', waitedMs: 55_000 });
  });
});

describe('a connection that never sends a byte', () => {
  const mute = (): [Connection, Traffic][] => [[probe, traffic({ bytesReceived: 0 })]];

  it('does not hold the wait, and is reported', async () => {
    const { outcome, events } = await run({
      sampleAt: () => counted(probe),
      trafficAt: mute,
      buildsAt: () => none,
    });
    expect(outcome).toMatchObject({ kind: 'drained', notCounted: [{ connection: probe }] });
    expect(outcome.waitedMs).toBeLessThanOrEqual(11_200);
    expect(only(events, 'not-counted')).toMatchObject([{ entry: { kind: 'health-check' } }]);
  });

  it('has the builds requested soon, where only the answer is missing', async () => {
    const { outcome } = await run({
      sampleAt: () => counted(probe),
      trafficAt: mute,
      buildsAt: (ms) => (ms < 12_000 ? running : none),
    });
    expect(outcome.kind).toBe('drained');
    expect(outcome.waitedMs).toBeLessThanOrEqual(12_000 + 5000 + 10_000 + 1200);
  });

  it('is a client where builds are unknown: its bytes may come by another way', async () => {
    const { outcome } = await run({
      sampleAt: (ms) => (ms >= 5000 && ms < 40_000 ? counted(probe) : counted()),
      trafficAt: mute,
      buildsAt: () => unknown,
    });
    expect(outcome).toMatchObject({ kind: 'drained', waitedMs: 50_000 });
  });

  it('is a client from its first byte on', async () => {
    const { outcome, events } = await run({
      sampleAt: (ms) => (ms < 30_000 ? counted(probe) : counted()),
      trafficAt: (ms) => [[probe, traffic({ bytesReceived: ms < 8000 ? 0 : 24 })]],
      buildsAt: () => none,
    });
    expect(outcome).toMatchObject({ kind: 'drained', waitedMs: 40_000 });
    expect(only(events, 'counted-again')).toHaveLength(1);
  });
});

describe('a connection that is not counted', () => {
  it('is read at each poll: a byte just before the end of the quiet period is seen', async () => {
    const { outcome } = await run(
      {
        buildsAt: () => none,
        sampleAt: (ms) => (ms < 5000 ? counted(probe) : counted()),
        trafficAt: (ms) => [[probe, traffic({ bytesReceived: ms < 1450 ? 0 : 24 })]],
      },
      { quietPeriodMs: 500 },
    );
    expect(outcome).toMatchObject({ kind: 'drained', waitedMs: 5500 });
  });
});

describe('a connection that might not be counted', () => {
  it('is read first: a byte since the traffic was last read makes it a client', async () => {
    // Traffic is read once a second: at 1.1 s for the one, so at 2.1 s for the other, which sends right
    // after, and has no grace left at 3 s.
    const { outcome } = await run(
      {
        sampleAt: (ms) =>
          ms >= 1100 && ms < 1200
            ? counted(builder)
            : ms >= 2000 && ms < 7000
              ? counted(probe)
              : counted(),
        trafficAt: (ms) => [[probe, traffic({ bytesReceived: ms < 2200 ? 0 : 24 })]],
      },
      { quietPeriodMs: 3000 },
    );
    expect(outcome).toMatchObject({ kind: 'drained', waitedMs: 10_000 });
  });
});

describe('a peer that is unreachable', () => {
  it('is left out when nothing has come from it for the time given', async () => {
    const { outcome, events } = await run({
      sampleAt: () => counted(builder),
      trafficAt: (ms) => [[builder, traffic({ msSinceAcked: ms, unanswered: 3 })]],
    });
    expect(outcome.kind).toBe('drained');
    expect(outcome.waitedMs).toBeGreaterThanOrEqual(130_000);
    expect(outcome.waitedMs).toBeLessThanOrEqual(131_200);
    expect(only(events, 'not-counted')).toMatchObject([{ entry: { kind: 'unreachable' } }]);
  });
});

describe('a silent connection', () => {
  const silent = (): [Connection, Traffic][] => [[builder, traffic()]];

  it('is left out once the daemon answers that no build runs, which is requested when it matters', async () => {
    const { outcome, events, asked } = await run({
      sampleAt: () => counted(builder),
      trafficAt: silent,
      buildsAt: () => none,
    });
    expect(outcome.kind).toBe('drained');
    expect(outcome.waitedMs).toBeGreaterThanOrEqual(55_000);
    expect(outcome.waitedMs).toBeLessThanOrEqual(56_300);
    expect(only(events, 'not-counted')).toMatchObject([
      { entry: { kind: 'silent', connection: builder } },
    ]);
    expect(asked.length).toBeLessThanOrEqual(7);
  });

  it('holds to the deadline while a build runs', async () => {
    const { outcome } = await run({
      sampleAt: () => counted(builder),
      trafficAt: silent,
      buildsAt: () => running,
    });
    expect(outcome).toMatchObject({ kind: 'timed-out', waitedMs: 600_000 });
  });

  it('holds if the daemon gives no answer, unless an option changes that', async () => {
    const world: World = {
      sampleAt: () => counted(builder),
      trafficAt: silent,
      buildsAt: () => unknown,
    };
    expect((await run(world)).outcome.kind).toBe('timed-out');
    const { outcome } = await run(world, { ignoreSilentMs: 60_000 });
    expect(outcome.kind).toBe('drained');
    expect(outcome.waitedMs).toBeGreaterThanOrEqual(70_000);
  });

  it('counts again with its next byte, and when the daemon stops answering', async () => {
    const speaksAt = await run({
      sampleAt: (ms) => (ms < 80_000 ? counted(builder) : counted()),
      trafficAt: (ms) => [[builder, traffic({ bytesReceived: ms < 50_000 ? 100 : 200 })]],
      buildsAt: () => none,
    });
    expect(speaksAt.outcome).toMatchObject({ kind: 'drained', waitedMs: 90_000 });
    expect(only(speaksAt.events, 'counted-again')).toHaveLength(1);

    const lost = await run({
      sampleAt: (ms) => (ms < 80_000 ? counted(builder) : counted()),
      trafficAt: silent,
      buildsAt: (ms) => (ms < 49_000 ? none : unknown),
    });
    expect(lost.outcome).toMatchObject({ kind: 'drained', waitedMs: 90_000 });
  });

  it('is not silent while its traffic moves, whatever the daemon answers: old ones report a false zero', async () => {
    const { outcome } = await run({
      sampleAt: () => counted(builder),
      trafficAt: (ms) => [[builder, traffic({ bytesReceived: Math.floor(ms / 5000) })]],
      buildsAt: () => none,
    });
    expect(outcome.kind).toBe('timed-out');
  });
});

describe('the answer of the daemon about its builds', () => {
  it('holds the wait while some are running, though no client is connected', async () => {
    const { outcome, events } = await run({
      sampleAt: () => counted(),
      buildsAt: (ms) => (ms < 30_000 ? running : none),
    });
    expect(outcome.kind).toBe('drained');
    expect(outcome.waitedMs).toBeGreaterThanOrEqual(40_000);
    expect(outcome.waitedMs).toBeLessThanOrEqual(41_200);
    expect(only(events, 'builds')).toMatchObject([{ answer: running }, { answer: none }]);
  });

  it('is requested when quiet begins: an earlier answer does not count', async () => {
    const { outcome, asked } = await run({
      sampleAt: (ms) => (ms < 20_000 ? counted(builder) : counted()),
      trafficAt: (ms) => [[builder, traffic({ bytesReceived: ms })]],
      buildsAt: (ms) => (ms < 10_000 || ms > 40_000 ? none : running),
    });
    expect(asked.slice(0, 2)).toEqual([0, 20_000]);
    expect(outcome.kind).toBe('drained');
    expect(outcome.waitedMs).toBeGreaterThanOrEqual(50_000);
  });

  it('is requested each second while it alone holds the wait, though nothing is new', async () => {
    const { outcome, asked } = await run(
      {
        sampleAt: () => counted(),
        buildsAt: (ms) => (ms < 5000 ? running : none),
        isUnchanged: true,
      },
      { progressEveryMs: 600_000 },
    );
    expect(outcome.kind).toBe('drained');
    expect(outcome.waitedMs).toBeLessThanOrEqual(16_200);
    expect(asked.length).toBeLessThanOrEqual(7);
  });

  it('holds for six quiet periods where no other follows, and not for ever', async () => {
    const { outcome, events } = await run({
      sampleAt: () => counted(),
      buildsAt: (ms) => (ms < 5000 ? running : unknown),
    });
    expect(outcome.kind).toBe('drained');
    expect(outcome.waitedMs).toBeGreaterThanOrEqual(70_000);
    expect(outcome.waitedMs).toBeLessThanOrEqual(76_200);
    expect(only(events, 'builds')).toMatchObject([
      { answer: running },
      { answer: unknown, namedBuilds: [{ builds: [{ ref: 'r1' }] }] },
    ]);
    expect(only(events, 'named-builds-expired')).toMatchObject([{ reason: 'too-old' }]);
  });

  it('holds no longer where it replies without naming a build, and no connection is left', async () => {
    const { outcome, events } = await run({
      sampleAt: (ms) => (ms < 5000 ? counted(builder) : counted()),
      trafficAt: (ms) => [[builder, traffic({ bytesReceived: ms })]],
      buildsAt: (ms) => (ms < 5000 ? running : unknownBuilds('ERR_ZERO_NOT_TRUSTED')),
    });
    expect(outcome).toMatchObject({ kind: 'drained', waitedMs: 15_000 });
    expect(only(events, 'named-builds-expired')).toMatchObject([{ reason: 'no-connection' }]);
  });

  it('is dropped with the daemon that gave it', async () => {
    const successor = { ...counted(), results: [seen(tcpEndpoint, [6])] };
    const { outcome, events } = await run({
      sampleAt: (ms) => (ms < 5000 ? counted(builder) : successor),
      buildsAt: (ms) => (ms < 5000 ? running : unknownBuilds('ERR_NO_HISTORY')),
    });
    expect(outcome).toMatchObject({ kind: 'drained', waitedMs: 15_000 });
    expect(only(events, 'named-builds-expired')).toMatchObject([{ reason: 'daemon-gone' }]);
  });

  it('is requested again before the end: a build that has begun since holds the wait', async () => {
    const { outcome, asked } = await run({
      sampleAt: () => counted(),
      buildsAt: (ms) => (ms < 8000 || ms > 30_000 ? none : running),
    });
    expect(asked.slice(0, 2)).toEqual([0, 10_000]);
    expect(outcome.kind).toBe('drained');
    expect(outcome.waitedMs).toBeGreaterThanOrEqual(40_000);
  });

  it('is requested again if a pending connection has kept the wait from its end since', async () => {
    const { outcome, asked } = await run({
      sampleAt: (ms) => (ms === 10_000 ? counted(probe) : counted()),
      buildsAt: (ms) => (ms < 10_050 ? none : running),
    });
    expect(asked).toContain(10_100);
    expect(outcome.kind).toBe('timed-out');
  });

  it('starts the quiet period over from the end of a build that no answer had named', async () => {
    const { outcome, events } = await run({
      sampleAt: () => counted(),
      buildsAt: (ms) => runsNone(ms < 4000 ? 500_000 : 1_004_000),
    });
    expect(outcome).toMatchObject({ kind: 'drained', waitedMs: 14_000 });
    expect(only(events, 'build-recorded')).toMatchObject([{ endedAgoMs: 6000 }]);
  });

  it('does not trust a wall clock that was set: a new record is of the time between answers', async () => {
    const { outcome } = await run({
      sampleAt: () => counted(),
      buildsAt: (ms) => runsNone(ms < 4000 ? 500_000 : 9_000_000),
    });
    expect(outcome).toMatchObject({ kind: 'drained', waitedMs: 20_000 });
  });

  it('changes nothing where it is unknown', async () => {
    const { outcome } = await run({ sampleAt: () => counted(), buildsAt: () => unknown });
    expect(outcome).toMatchObject({ kind: 'drained', waitedMs: 10_000, builds: unknown });
  });

  it('is requested at the start, when quiet begins and ends, and for a progress line: not at each poll', async () => {
    const { asked, events } = await run({
      sampleAt: (ms) => (ms < 65_000 ? counted(builder) : counted()),
      trafficAt: (ms) => [[builder, traffic({ bytesReceived: ms })]],
      buildsAt: (ms) => (ms < 65_000 ? running : none),
    });
    expect(asked.map((ms) => Math.round(ms / 1000))).toEqual([0, 30, 60, 65, 75]);
    expect(only(events, 'progress')).toMatchObject([{ builds: running }, { builds: running }]);
  });

  it('is needed for every conclusion where it is required', async () => {
    const without = await run(
      { sampleAt: () => counted(), buildsAt: () => unknown },
      {
        builds: 'require',
      },
    );
    expect(without.outcome).toMatchObject({ kind: 'unknown', error: { code: 'ECONNREFUSED' } });
    expect(without.events.map(({ kind }) => kind).filter((kind) => kind !== 'progress')).toEqual([
      'started',
      'builds',
    ]);
    const impatient = await run(
      { sampleAt: () => counted(), buildsAt: () => unknown },
      { builds: 'require', onUnknown: 'exit' },
    );
    expect(impatient.outcome.kind).toBe('unknown');
    expect(impatient.outcome.waitedMs).toBeLessThanOrEqual(11_200);
    const later = await run(
      { sampleAt: () => counted(), buildsAt: (ms) => (ms < 5000 ? unknown : none) },
      { builds: 'require' },
    );
    expect(later.outcome.kind).toBe('drained');
    expect(later.outcome.waitedMs).toBeGreaterThanOrEqual(15_000);
    expect(later.outcome.waitedMs).toBeLessThanOrEqual(16_200);
  });
});

describe('our own request to the daemon', () => {
  it('is no client, however long it takes', async () => {
    const own = client('127.0.0.1:40001');
    const { outcome } = await run(
      { sampleAt: () => counted(own), buildsAt: () => none, ownPeers: ['127.0.0.1:40001'] },
      { probeGraceMs: 0 },
    );
    expect(outcome).toMatchObject({ kind: 'drained', waitedMs: 10_000, mostConnections: 0 });
  });
});
