import { describe, expect, it } from 'vitest';
import type { Sample } from '../../../src/backends/types.ts';
import type { BuildsAnswer } from '../../../src/builds/types.ts';
import type { ClassifyRule } from '../../../src/drain/classify.ts';
import type { ConnectionKind } from '../../../src/drain/tracked.ts';
import type { WatchEvent } from '../../../src/drain/types.ts';
import { watch } from '../../../src/drain/watch.ts';
import { eventEntry, watchView } from '../../../src/messages/events.ts';
import {
  client,
  counted,
  daemonSaying,
  failed,
  gone,
  nextRevision,
  runs,
  runsNone,
  samplerOf,
  seen,
  tcpEndpoint,
  unixEndpoint,
  unknownBuilds,
} from '../support/samples.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const standard: ClassifyRule = {
  counts: () => true,
  probeGraceMs: 1000,
  quietPeriodMs: 0,
  ignoreSilentMs: null,
  ignoreUnreachableMs: 120_000,
};
const builder = client('10.0.0.5:43210');
const other = client('10.0.0.6:43210');

interface Play {
  readonly ms: number;
  readonly at: (ms: number) => Sample;
  readonly answer?: BuildsAnswer | ((ms: number) => BuildsAnswer);
  readonly isUnchanged?: (ms: number) => boolean;
  readonly between?: (ms: number) => number;
  readonly requests?: (ms: number) => number;
  readonly rule?: ClassifyRule;
}

/** Watches a play to its end, and returns what was reported and when the daemon was asked. */
async function watched({
  ms,
  at,
  answer,
  between = () => 0,
  requests = () => 0,
  isUnchanged = () => false,
  rule = standard,
}: Play) {
  const clock = new VirtualClock();
  const startMs = clock.now();
  const stop = new AbortController();
  const reported: { ms: number; event: WatchEvent; message: string }[] = [];
  const askedMs: number[] = [];
  let kinds: Record<string, ConnectionKind> = {};
  let named: string[] = [];
  const passed = (): number => clock.now() - startMs;
  const answered = (given: NonNullable<Play['answer']>) => (): BuildsAnswer => {
    askedMs.push(passed());
    return typeof given === 'function' ? given(passed()) : given;
  };
  await watch({
    sampler: { ...samplerOf(() => at(passed())), isUnchanged: () => isUnchanged(passed()) },
    builds: answer ? daemonSaying(answered(answer), ['127.0.0.1:9']) : null,
    seenBetweenPolls: () => between(passed()),
    tcpConnections: () => requests(passed()),
    rule,
    intervalMs: 100,
    clock,
    signal: stop.signal,
    onPoll(status, events) {
      for (const event of events) {
        const { message } = eventEntry(event, watchView);
        reported.push({ ms: passed(), event, message });
      }
      kinds = Object.fromEntries(
        status.tracked.map(({ connection, kind }) => [connection.peer, kind]),
      );
      named = status.namedBuilds.flatMap(({ builds }) => builds.map(({ ref }) => ref));
      if (passed() >= ms) {
        stop.abort();
      }
    },
  });
  return { reported: reported.map(({ ms, message }) => `${ms} ${message}`), askedMs, kinds, named };
}

describe('a watch', () => {
  it('reports each change once, with the new count', async () => {
    const at = (ms: number) =>
      ms < 200 ? counted(builder) : ms < 500 ? counted(builder, other) : counted(other);
    expect((await watched({ ms: 3000, at })).reported).toEqual([
      '0 Watching tcp://0.0.0.0:1234: 1 client is connected. Connected: 10.0.0.5:43210.',
      '200 1 client is connected; 1 too new to tell. New: 10.0.0.6:43210.',
      '500 No client is connected; 1 too new to tell. Left: 10.0.0.5:43210 (after at least 0.5s).',
      '1200 10.0.0.6:43210 counts as a client.',
    ]);
  });

  it('polls less often for a daemon that is gone, and reports when it is back', async () => {
    const results: number[] = [];
    const at = (ms: number) => {
      results.push(ms);
      return ms < 100 || ms >= 1500 ? counted() : gone;
    };
    expect((await watched({ ms: 1600, at })).reported).toEqual([
      '0 Watching tcp://0.0.0.0:1234: no client is connected.',
      '100 The daemon is gone: nothing listens, and no process of it is left. Still watching.',
      '1600 The daemon is back, and listens on tcp://0.0.0.0:1234: no client is connected.',
    ]);
    expect(results).toEqual([0, 100, 600, 1100, 1600]);
  });

  it('does not report connections as left at an endpoint that cannot be polled', async () => {
    const unseen = { ...failed('EPERM') };
    const results = [
      { kind: 'failed', endpoint: { ...unixEndpoint }, error: unseen.error },
    ] as const;
    const inUnix = client('socket:[7]', { endpoint: unixEndpoint.address });
    const at = (ms: number): Sample =>
      ms === 100
        ? { ...unseen, results }
        : {
            ...{ kind: 'counted', revision: nextRevision() },
            ...{ results: [seen(unixEndpoint, [5], [inUnix])], connections: [inUnix] },
          };
    expect((await watched({ ms: 400, at })).reported).toEqual([
      `0 Watching ${unixEndpoint.address}: 1 client is connected. Connected: socket:[7].`,
      '100 Clients cannot be counted: poll failed with EPERM.',
      '200 Clients can be counted again after 0.1s: 1 client is connected.',
    ]);
  });

  it('keeps what it knows when taking a sample fails altogether', async () => {
    const at = (ms: number): Sample => {
      if (ms === 200) {
        throw new Error('a bug');
      }
      return counted(builder);
    };
    expect((await watched({ ms: 400, at })).reported).toEqual([
      '0 Watching tcp://0.0.0.0:1234: 1 client is connected. Connected: 10.0.0.5:43210.',
      '200 Clients cannot be counted: a bug in buildkit-drain: a bug.',
      '300 Clients can be counted again after 0.1s: 1 client is connected.',
    ]);
  });

  it('never reports that an ignored connection counts as a client', async () => {
    const ignoresOther: ClassifyRule = {
      ...standard,
      counts: ({ peerAddress }) => peerAddress !== other.peerAddress,
    };
    const at = (ms: number) => (ms < 200 ? counted() : counted(builder, other));
    const { reported, kinds } = await watched({ ms: 3000, at, rule: ignoresOther });
    expect(reported.slice(2)).toEqual(['1200 10.0.0.5:43210 counts as a client.']);
    expect(kinds).toEqual({ '10.0.0.5:43210': 'client', '10.0.0.6:43210': 'ignored' });
  });

  it('requests the builds at first, after a change, and now and then while a client is connected', async () => {
    const none = runsNone();
    const at = (ms: number) => (ms >= 3000 && ms < 14_000 ? counted(builder) : counted());
    const { askedMs } = await watched({ ms: 40_000, at, answer: none });
    // A new connection may begin its build a moment later.
    expect(askedMs).toEqual([0, 3000, 5000, 10_000, 14_000, 16_000]);
    const running = runs('one');
    const quiet = await watched({ ms: 12_000, at: () => counted(), answer: running });
    expect(quiet.askedMs).toEqual([0, 5000, 10_000]);
    expect(quiet.reported.slice(1)).toEqual(['0 The daemon says that 1 build is running: one.']);
  });

  it('does not count its own requests, nor what may be one, as clients', async () => {
    const own = client('127.0.0.1:9');
    const nameless = client(null, { endpoint: unixEndpoint.address });
    const at = (ms: number) => (ms === 100 ? counted(own, nameless) : counted());
    const answer = runsNone();
    expect((await watched({ ms: 2000, at, answer })).reported.slice(1)).toEqual([
      '0 The daemon says that no build is running.',
    ]);
    // Without requests for builds, a nameless connection is a client's.
    expect((await watched({ ms: 2000, at })).reported.slice(1)).toEqual([
      '100 No client is connected; 2 too new to tell. New: 127.0.0.1:9.',
      '200 No client is connected. Left: 127.0.0.1:9 (after 0.1s).',
    ]);
  });

  it('reports how many no poll has shown, except what may have been its own requests', async () => {
    const between = (ms: number) => (ms < 200 ? 0 : ms < 400 ? 3 : ms < 600 ? 4 : 6);
    expect((await watched({ ms: 800, at: () => counted(), between })).reported.slice(1)).toEqual([
      '200 At least 3 more came and went between two polls (3 since the start).',
      '400 At least 1 more came and went between two polls (4 since the start).',
      '600 At least 2 more came and went between two polls (6 since the start).',
    ]);
    const requests = (ms: number) => (ms < 300 ? 0 : 2);
    const asking = { ms: 800, at: () => counted(), between, requests };
    expect((await watched(asking)).reported.slice(1)).toEqual([
      '200 At least 3 more came and went between two polls (3 since the start).',
      '600 At least 1 more came and went between two polls (4 since the start).',
    ]);
    const late = (ms: number) => (ms < 3000 ? 0 : 1);
    const longAgo = { ms: 4000, at: () => counted(), between: late, requests: () => 1 };
    expect((await watched(longAgo)).reported).toHaveLength(2);
  });

  it('takes no full poll while nothing has changed, unless one is due', async () => {
    const polledMs: number[] = [];
    const watching = (first: Sample, between: (ms: number) => number) =>
      watched({
        ...{ ms: 3000, between, isUnchanged: (ms) => ms < 2900 },
        at(ms) {
          polledMs.push(ms);
          return first;
        },
      });
    await watching(counted(), () => 0);
    expect(polledMs.splice(0)).toEqual([0, 2900, 3000]);
    // The traffic of a connection is read each second.
    await watching(counted(builder), () => 0);
    expect(polledMs.splice(0)).toEqual([0, 1000, 2000, 2900, 3000]);
    const { reported } = await watching(counted(), (ms) => (ms < 500 ? 0 : 1));
    expect(polledMs).toEqual([0, 500, 2900, 3000]);
    expect(reported.at(-1)).toContain('500 At least 1 more came and went');
  });

  it('knows an arrival by the last poll, though that found no change', async () => {
    const at = (ms: number) => (ms < 5000 ? counted() : counted(builder));
    const { kinds } = await watched({ ms: 5100, at, isUnchanged: (ms) => ms < 5000 });
    expect(kinds).toEqual({ '10.0.0.5:43210': 'pending' });
  });

  it('forgets the builds of a daemon that has been replaced, or does not answer for long', async () => {
    const answer = (ms: number) => (ms < 1000 ? runs('one') : unknownBuilds());
    const still = await watched({ ms: 20_000, at: () => counted(), answer });
    expect(still.named).toEqual(['one']);
    const after = await watched({ ms: 70_000, at: () => counted(), answer });
    expect(after.named).toEqual([]);
    const other = { ...tcpEndpoint };
    const replaced: Sample = {
      ...{ kind: 'counted', revision: nextRevision(), connections: [] },
      results: [seen(other, [77])],
    };
    const at = (ms: number) => (ms < 1000 ? counted() : replaced);
    expect((await watched({ ms: 6000, at, answer })).named).toEqual([]);
  });
});
