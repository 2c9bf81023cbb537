import { describe, expect, it } from 'vitest';
import type { Connection } from '../../../src/backends/types.ts';
import {
  compareTracked,
  noteTraffic,
  oldestFirst,
  type TrackedConnections,
  updateTracked,
} from '../../../src/drain/tracked.ts';
import { client, traffic } from '../support/samples.ts';

const one = client('10.0.0.1:1');
const two = client('10.0.0.2:2');

function update(
  before: TrackedConnections,
  connections: readonly Connection[],
  nowMs: number,
): TrackedConnections {
  return updateTracked(before, connections, nowMs, true);
}

describe('the tracked connections', () => {
  it('keep since when each peer has been there', () => {
    const first = update([], [one], 100);
    const second = update(first, [two, one], 200);
    expect(second).toMatchObject([
      { connection: two, firstSeenMs: 200 },
      { connection: one, firstSeenMs: 100 },
    ]);
    expect(compareTracked(first, second)).toMatchObject({
      arrived: [{ connection: two }],
      left: [],
    });
  });

  it('know arrivals only by a poll before that did not show them', () => {
    const first = updateTracked([], [one], 100, false);
    expect(first).toMatchObject([{ isArrivalSeen: false }]);
    expect(updateTracked(first, [one, two], 200, true)).toMatchObject([
      { isArrivalSeen: false },
      { isArrivalSeen: true },
    ]);
  });

  it('knows a connection again when it is accepted', () => {
    const queued = update([], [client('10.0.0.1:1', { inode: 0 })], 100);
    const accepted = update(queued, [client('10.0.0.1:1', { inode: 9 })], 200);
    expect(accepted).toMatchObject([{ firstSeenMs: 100, connection: { inode: 9 } }]);
    expect(compareTracked(queued, accepted)).toEqual({ arrived: [], left: [] });
  });

  it('treat a peer that is back on another port as new', () => {
    const before = update([], [one], 100);
    const after = update(before, [client('10.0.0.1:9')], 200);
    expect(compareTracked(before, after)).toMatchObject({
      arrived: [{ firstSeenMs: 200 }],
      left: [{ firstSeenMs: 100 }],
    });
  });

  it('keeps apart queued clients that have no name and no inode', () => {
    const queued = client(null, { inode: 0 });
    const first = update([], [queued, queued], 100);
    const second = update(first, [queued, queued, queued], 200);
    expect(second.map(({ firstSeenMs }) => firstSeenMs)).toEqual([100, 100, 200]);
  });

  it('knows a queued client that has no name again when it is accepted', () => {
    const queued = client(null, { inode: 0 });
    const first = update([], [queued, queued], 100);
    const accepted = client(null, { inode: 5 });
    const second = update(first, [accepted, queued, client(null, { inode: 6 })], 200);
    expect(second).toMatchObject([
      { firstSeenMs: 100, connection: { inode: 5 } },
      { firstSeenMs: 100, connection: { inode: 0 } },
      { firstSeenMs: 200, connection: { inode: 6 } },
    ]);
  });

  it('recognize no connection that was queued at another endpoint, or has a name', () => {
    const otherNetns = client(null, { inode: 0, endpoint: 'unix:///run/other.sock' });
    const first = update([], [otherNetns], 100);
    expect(update(first, [client(null, { inode: 5 }), client('10.0.0.1:1')], 200)).toMatchObject([
      { firstSeenMs: 200 },
      { firstSeenMs: 200 },
    ]);
  });

  it('do not name what came or left where the clients have no names', () => {
    const named = update([], [client('socket:[1]'), client('socket:[2]')], 100);
    const nameless = update(named, [client(null, { inode: 5 })], 200);
    expect(nameless).toMatchObject([{ firstSeenMs: 200 }]);
    expect(compareTracked(named, nameless)).toEqual({ arrived: [], left: [] });
    const again = update(nameless, [client('socket:[1]')], 300);
    expect(compareTracked(nameless, again)).toEqual({ arrived: [], left: [] });
  });
});

describe('the order of connections', () => {
  it('is by age, oldest first, as far as the age is known', () => {
    const three = client('10.0.0.3:3');
    const tracked = update(update(update([], [two], 100), [one, two], 200), [three, one, two], 300);
    const peers = (all: TrackedConnections) => all.map(({ connection }) => connection.peer);
    expect(peers(oldestFirst(tracked, 400))).toEqual([two.peer, one.peer, three.peer]);
    // The kernel may know that one is older than the time that it was watched for.
    const heard = new Map([[one, traffic({ msSinceReceived: 5000 })]]);
    const read = noteTraffic(tracked, heard, 300);
    expect(peers(oldestFirst(read, 400))).toEqual([one.peer, two.peer, three.peer]);
    expect(peers(oldestFirst([...read].reverse(), 400))).toEqual([one.peer, two.peer, three.peer]);
  });
});

describe('the silence of a connection', () => {
  const atMs = (
    tracked: TrackedConnections,
    nowMs: number,
    latest = traffic(),
  ): TrackedConnections => noteTraffic(tracked, new Map([[one, latest]]), nowMs);
  const since = (tracked: TrackedConnections): number | undefined =>
    tracked[0]?.traffic?.silentSinceMs;

  it('lasts while neither counter moves', () => {
    const first = atMs(update([], [one], 100), 150);
    expect(since(first)).toBe(150);
    expect(since(atMs(first, 5000))).toBe(150);
    expect(since(atMs(first, 5000, traffic({ bytesReceived: 101 })))).toBe(5000);
    expect(since(atMs(first, 5000, traffic({ bytesAcked: 101 })))).toBe(5000);
  });

  it('is none where a counter is unknown', () => {
    const unknown = traffic({ bytesAcked: null });
    const first = atMs(update([], [one], 100), 150, unknown);
    expect(since(atMs(first, 5000, unknown))).toBe(5000);
  });

  it('begins anew when the traffic could not be read for once', () => {
    const first = atMs(update([], [one], 100), 150);
    const lost = noteTraffic(first, new Map(), 200);
    expect(lost[0]?.traffic).toBeNull();
    expect(since(atMs(lost, 300))).toBe(300);
  });
});
