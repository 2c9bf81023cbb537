import { describe, expect, it } from 'vitest';
import { updateRoster } from '../../src/drain/roster.ts';
import { client } from './support/samples.ts';

const one = client('10.0.0.1:1');
const two = client('10.0.0.2:2');

describe('updateRoster', () => {
  it('remembers since when each peer has been there', () => {
    const first = updateRoster([], [one], 100);
    const second = updateRoster(first.roster, [two, one], 200);
    expect(second.roster).toEqual([
      { connection: two, firstSeenMs: 200 },
      { connection: one, firstSeenMs: 100 },
    ]);
    expect(second).toMatchObject({ arrived: [{ connection: two }], left: [] });
  });

  it('knows a connection again when it is accepted', () => {
    const queued = updateRoster([], [client('10.0.0.1:1', { inode: 0 })], 100);
    const accepted = updateRoster(queued.roster, [client('10.0.0.1:1', { inode: 9 })], 200);
    expect(accepted).toMatchObject({ arrived: [], left: [], roster: [{ firstSeenMs: 100 }] });
  });

  it('takes a peer that is back on another port for a new client', () => {
    const change = updateRoster(updateRoster([], [one], 100).roster, [client('10.0.0.1:9')], 200);
    expect(change).toMatchObject({ arrived: [{ firstSeenMs: 200 }], left: [{ firstSeenMs: 100 }] });
  });

  it('keeps apart queued clients that have no name and no inode', () => {
    const queued = client(null, { inode: 0 });
    const first = updateRoster([], [queued, queued], 100);
    const second = updateRoster(first.roster, [queued, queued, queued], 200);
    expect(second.roster.map(({ firstSeenMs }) => firstSeenMs)).toEqual([100, 100, 200]);
  });

  it('does not say who came or left where the clients have no names', () => {
    const named = updateRoster([], [client('socket:[1]'), client('socket:[2]')], 100);
    const nameless = updateRoster(named.roster, [client(null, { inode: 5 })], 200);
    expect(nameless).toMatchObject({ arrived: [], left: [], roster: [{ firstSeenMs: 200 }] });
    expect(updateRoster(nameless.roster, [client('socket:[1]')], 300)).toMatchObject({
      arrived: [],
    });
  });
});
