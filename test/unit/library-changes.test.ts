import { describe, expect, it } from 'vitest';
import type { Connection, EndpointResult } from '../../src/backends/types.ts';
import { type ConnectionsUpdate, createChanges } from '../../src/library/connection-changes.ts';
import { client, failed, seen, tcpEndpoint, unixEndpoint } from './support/samples.ts';

const a = client('10.0.0.5:1', { inode: 1 });
const b = client('10.0.0.5:2', { inode: 2 });
const c = client('10.0.0.5:3', { inode: 3 });

const counted = (...connections: Connection[]): EndpointResult =>
  seen(tcpEndpoint, [5], connections);
const unlistened = (...connections: Connection[]): EndpointResult =>
  seen(tcpEndpoint, [], connections);
const failing = (code: string): EndpointResult => ({
  ...{ kind: 'failed', endpoint: tcpEndpoint, error: failed(code).error },
});

/** Takes an update after each poll. */
function updatesOf(...results: EndpointResult[]): (ConnectionsUpdate | null)[] {
  const changes = createChanges();
  return results.map((result) => {
    changes.observe(result, 0);
    return changes.take(null);
  });
}

/** Takes one update after the first poll, and one after all others. */
function mergedOf(first: EndpointResult, ...others: EndpointResult[]): ConnectionsUpdate | null {
  const changes = createChanges();
  changes.observe(first, 0);
  changes.take(null);
  for (const result of others) {
    changes.observe(result, 0);
  }
  return changes.take(null);
}

describe('an update', () => {
  it('is due at first and after a change, and not otherwise', () => {
    expect(updatesOf(counted(a), counted(a), counted(a, b), counted(b), counted(b))).toMatchObject([
      { kind: 'counted', connections: [a], arrived: [], left: [], unseen: 0 },
      null,
      { connections: [a, b], arrived: [b], left: [] },
      { connections: [b], arrived: [], left: [a] },
      null,
    ]);
  });

  it('is due where a count becomes unknown, for another reason, and is one again', () => {
    const polls = [counted(a), failing('EPERM'), failing('EPERM'), failing('EIO'), unlistened(a)];
    expect(updatesOf(...polls, counted(a))).toMatchObject([
      { kind: 'counted' },
      { kind: 'unknown', error: { code: 'EPERM' }, connections: [] },
      null,
      { kind: 'unknown', error: { code: 'EIO' } },
      { kind: 'unknown', error: { code: 'ERR_NO_LISTENER' }, connections: [a] },
      { kind: 'counted', arrived: [], left: [] },
    ]);
  });

  it('is due where another backend is used', () => {
    const byProcfs = { ...counted(a), backend: 'procfs' } as EndpointResult;
    expect(updatesOf(counted(a), byProcfs)).toMatchObject([
      { backend: 'sock-diag' },
      { backend: 'procfs', arrived: [], left: [], unseen: 0 },
    ]);
  });

  it('has what came and left since the last count, not since the time when it was unknown', () => {
    const polls = [counted(a, b), failing('EPERM'), unlistened(b), counted(b, c)];
    expect(updatesOf(...polls).at(-1)).toMatchObject({ arrived: [c], left: [a] });
  });

  it('before the first count goes by the first poll that has succeeded', () => {
    const polls = [failing('EMFILE'), unlistened(a), counted(a, b)];
    expect(updatesOf(...polls).at(-1)).toMatchObject({ arrived: [b], left: [] });
    expect(updatesOf(failing('EMFILE'), counted(a, b)).at(-1)).toMatchObject({ arrived: [] });
  });

  it('is no news once a connection is accepted', () => {
    const queued = client('10.0.0.5:1', { inode: 0 });
    expect(updatesOf(counted(queued), counted(a), counted())).toMatchObject([
      { connections: [queued] },
      null,
      { left: [a] },
    ]);
  });

  it('has another connection where a peer is back from the same port', () => {
    const again = client('10.0.0.5:1', { inode: 9 });
    expect(updatesOf(counted(a), counted(again))[1]).toMatchObject({ arrived: [again], left: [a] });
    const queued = client('10.0.0.5:1', { inode: 0 });
    expect(updatesOf(counted(a), counted(queued))[1]).toMatchObject({ left: [a] });
  });

  it('tells connections of one peer to two addresses apart', () => {
    const other = client('10.0.0.5:1', { inode: 2, local: '127.0.0.1:1234' });
    expect(updatesOf(counted(a), counted(a, other), counted(other)).slice(1)).toMatchObject([
      { arrived: [other], left: [] },
      { arrived: [], left: [a] },
    ]);
  });

  it('counts clients without a name, accepted or not', () => {
    const unnamed = (inode: number): Connection =>
      client(null, { endpoint: unixEndpoint.address, inode });
    const poll = (...inodes: number[]): EndpointResult =>
      seen(unixEndpoint, [5], inodes.map(unnamed));
    const sizes = updatesOf(poll(0, 0), poll(0, 7), poll(7, 8), poll(0, 8, 7), poll(8)).map(
      (update) => update?.kind === 'counted' && [update.arrived.length, update.left.length],
    );
    expect(sizes).toEqual([[0, 0], false, false, [1, 0], [0, 2]]);
  });
});

describe('an update that was not asked for in time', () => {
  it('has what it differs in from the one before, and how many came and went meanwhile', () => {
    const merged = mergedOf(counted(a), counted(a, b), counted(a, b, c), counted(c));
    expect(merged).toMatchObject({ connections: [c], arrived: [c], left: [a], unseen: 1 });
  });

  it('is due even if all is again as it was', () => {
    expect(mergedOf(counted(a), counted(), counted(a))).toMatchObject({
      ...{ arrived: [a], left: [a], unseen: 0 },
    });
    expect(mergedOf(counted(a), failing('EPERM'), counted(a))).toMatchObject({
      ...{ kind: 'counted', arrived: [], left: [], unseen: 0 },
    });
  });

  it('says no more of those that came and went once it was delivered', () => {
    const changes = createChanges();
    for (const result of [counted(), counted(a), counted()]) {
      changes.observe(result, 0);
    }
    expect(changes.take(null)).toMatchObject({ unseen: 1 });
    changes.observe(counted(b), 0);
    expect(changes.take(null)).toMatchObject({ arrived: [b], unseen: 0 });
  });
});

describe('connections that no poll has seen', () => {
  it('are counted from the first poll on, each once, through a time without a count', () => {
    const changes = createChanges();
    const unseenAfter = (result: EndpointResult, seenBetweenPolls: number): unknown => {
      changes.observe(result, seenBetweenPolls);
      const update = changes.take(null);
      return update?.kind === 'counted' ? update.unseen : update?.kind;
    };
    expect(unseenAfter(counted(a), 3)).toBe(0);
    expect(unseenAfter(counted(a), 5)).toBe(2);
    expect(unseenAfter(counted(a), 5)).toBeUndefined();
    expect(unseenAfter(failing('EPERM'), 6)).toBe('unknown');
    expect(unseenAfter(failing('EPERM'), 7)).toBeUndefined();
    expect(unseenAfter(counted(a), 8)).toBe(3);
  });
});
