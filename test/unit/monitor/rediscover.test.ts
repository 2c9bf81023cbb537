import { describe, expect, it } from 'vitest';
import type { Connection, Endpoint, EndpointResult } from '../../../src/backends/types.ts';
import { endpointKey } from '../../../src/monitor/endpoints.ts';
import { createSampler } from '../../../src/monitor/sampler.ts';
import { type TargetChange, targetsOf } from '../../../src/monitor/targets.ts';
import type { FoundDaemon } from '../../../src/monitor/types.ts';
import type { DaemonState } from '../../../src/monitor/watch-processes.ts';
import { parseEndpoint } from '../../../src/options/endpoint.ts';
import { client, seen } from '../support/samples.ts';

const oldAddress = 'tcp://0.0.0.0:1234';
const newAddress = 'tcp://0.0.0.0:8372';

function daemonAt(
  pid: number,
  addresses: readonly string[],
  isListening = true,
  configured: readonly string[] = [],
): FoundDaemon {
  const unheard = configured.map(parseEndpoint);
  const process = { pid, startTime: String(pid), parentPid: 1 };
  const endpoints = addresses.map(parseEndpoint);
  return { process, otherNetns: null, endpoints, isListening, unheard, notices: [] };
}

const unreadable = { connections: [], areAllKnown: false };

type PolledResult = Extract<EndpointResult, { kind: 'polled' }>;

interface Socket {
  listeners: number[];
  clients: Connection[];
}

/** What runs and listens, which the test changes between samples. */
function setUp(notFoundYet: string | null = null, trustMs?: number) {
  const world = {
    sockets: { [oldAddress]: { listeners: [5], clients: [] } } as Record<string, Socket>,
    daemons: [daemonAt(7, [oldAddress])],
    running: [7],
    state: { kind: 'alive', pid: 7, listensOn: [], ...unreadable } as DaemonState,
    nowMs: 0,
    searches: 0,
    unreadable: false,
    isBusy: false,
    open: [] as string[],
    changes: [] as TargetChange[],
  };
  const results = new Map<string, PolledResult>();
  const poll = (endpoint: Endpoint): PolledResult => {
    const { listeners, clients } = world.sockets[endpoint.address] ?? {
      listeners: [],
      clients: [],
    };
    const known = results.get(endpointKey(endpoint));
    const isSame =
      known !== undefined &&
      JSON.stringify([known.snapshot.listenerInodes, known.snapshot.connections]) ===
        JSON.stringify([listeners, clients]);
    const result = isSame ? known : seen(endpoint, [...listeners], [...clients]);
    results.set(endpointKey(endpoint), result);
    return result;
  };
  const sampler = createSampler({
    targets: targetsOf(world.daemons),
    open: ({ endpoint }) => {
      world.open.push(endpoint.address);
      return {
        poll: () => poll(endpoint),
        current: () => ({ poll: () => poll(endpoint).snapshot, close: () => {} }),
        onEnd: () => {},
        seenBetweenPolls: () => 1,
        close: () => {
          world.open = world.open.filter((address) => address !== endpoint.address);
        },
      };
    },
    daemon: {
      remember: () => {},
      state: () => world.state,
      ownersOf: () => [],
      haveNoOthers: () => false,
    },
    rediscovery: {
      notFoundYet,
      find: () => {
        world.searches += 1;
        if (world.isBusy) {
          throw Object.assign(new Error('EMFILE'), { code: 'EMFILE' });
        }
        if (world.unreadable) {
          throw new Error('unreadable');
        }
        return world.daemons;
      },
      isRunning: ({ pid }) => world.running.includes(pid),
      onChange: (change) => world.changes.push(change),
    },
    trustMs,
    now: () => world.nowMs,
    onListenerGone: () => {},
  });
  const { sample } = sampler;
  const watched = () => sample().results.map(({ endpoint }) => endpoint.address);
  const dies = (): void => {
    world.sockets[oldAddress] = { listeners: [], clients: [] };
    world.running = world.running.filter((pid) => pid !== 7);
    world.daemons = world.daemons.filter(({ process }) => process.pid !== 7);
    world.state = { kind: 'dead', wasThere: true };
  };
  const starts = (pid: number, address: string): void => {
    world.sockets[address] = { listeners: [pid * 10], clients: [] };
    world.running = [...world.running, pid];
    world.daemons = [...world.daemons, daemonAt(pid, [address])];
    world.state = { kind: 'alive', pid, listensOn: [address], ...unreadable };
  };
  return { world, sampler, sample, watched, dies, starts };
}

describe('endpoints that were found', () => {
  it('are not searched for at each poll while their listeners stay', () => {
    const { world, sample } = setUp();
    const first = sample();
    expect(sample()).toBe(first);
    world.sockets[oldAddress]?.clients.push(client('10.0.0.5:4000'));
    expect(sample()).toMatchObject({ kind: 'counted', connections: [{ peer: '10.0.0.5:4000' }] });
    expect(world.searches).toBe(0);
  });

  it('are searched for again after a second without a connection, and after five with one', () => {
    const { world, sample } = setUp();
    for (const nowMs of [999, 1000, 1999]) {
      world.nowMs = nowMs;
      sample();
    }
    expect(world.searches).toBe(1);
    world.sockets[oldAddress]?.clients.push(client('10.0.0.5:4000'));
    for (const nowMs of [2000, 5999, 6000]) {
      world.nowMs = nowMs;
      sample();
    }
    expect(world.searches).toBe(2);
  });

  it('are trusted for as long as configured, unless a listener is lost', () => {
    const { world, sample, dies, starts, watched } = setUp(null, 30_000);
    for (const nowMs of [1000, 5000, 29_999]) {
      world.nowMs = nowMs;
      expect(sample()).toMatchObject({ kind: 'counted' });
    }
    expect(world.searches).toBe(0);
    world.nowMs = 30_000;
    sample();
    expect(world.searches).toBe(1);
    dies();
    starts(8, newAddress);
    world.nowMs = 31_001;
    expect(watched()).toEqual([newAddress]);
    expect(world.searches).toBe(2);
  });

  it('do not count until the search for the daemons has succeeded', () => {
    const { world, sample } = setUp('EMFILE');
    world.isBusy = true;
    const failed = { kind: 'failed', error: { code: 'ERR_NOT_FOUND_YET' } };
    expect(sample()).toMatchObject(failed);
    expect(world.searches).toBe(1);
    expect(sample()).toMatchObject(failed);
    expect(world.searches).toBe(1);
    world.isBusy = false;
    expect(sample()).toMatchObject(failed);
    world.nowMs += 1000;
    expect(sample()).toMatchObject({ kind: 'counted' });
  });

  it('are uncertain while a listener was replaced and the search for the daemons fails', () => {
    const { world, sample } = setUp();
    sample();
    world.sockets[oldAddress] = { listeners: [6], clients: [] };
    world.isBusy = true;
    for (let second = 0; second < 3; second += 1) {
      world.nowMs += 1000;
      expect(sample()).toMatchObject({ kind: 'failed', error: { code: 'ERR_NOT_FOUND_YET' } });
    }
    world.isBusy = false;
    world.nowMs += 1000;
    expect(sample()).toMatchObject({ kind: 'counted' });
  });

  it('become those of the daemon that replaced a dead one', () => {
    const { world, sample, sampler, watched, dies, starts } = setUp();
    sample();
    dies();
    starts(8, newAddress);
    expect(sample().kind).toBe('counted');
    expect(watched()).toEqual([newAddress]);
    expect(world.changes.at(-1)?.dropped).toMatchObject([{ endpoint: { address: oldAddress } }]);
    expect(world.open).toEqual([newAddress]);
    expect(sampler.seenBetweenPolls()).toBe(2);
  });

  it('stay while their daemon lives without its listener, and fail every sample', () => {
    const { world, sample, starts, dies } = setUp();
    sample();
    const builder = client('10.0.0.5:4000');
    world.sockets[oldAddress] = { listeners: [], clients: [builder] };
    world.daemons = [daemonAt(7, [], false)];
    starts(8, newAddress);
    for (let second = 0; second < 5; second += 1) {
      world.nowMs += 1000;
      expect(sample()).toMatchObject({
        kind: 'failed',
        connections: [builder],
        results: [{ endpoint: { address: oldAddress } }, { endpoint: { address: newAddress } }],
      });
    }
    dies();
    world.nowMs += 1000;
    expect(sample()).toMatchObject({
      kind: 'counted',
      results: [{ endpoint: { address: newAddress } }],
    });
  });

  it('stay until the listeners of the next daemon are found', () => {
    const { world, sample, watched, dies } = setUp();
    sample();
    dies();
    world.daemons = [daemonAt(8, [newAddress], false)];
    world.running = [8];
    world.state = { kind: 'alive', pid: 8, listensOn: [], ...unreadable };
    expect(sample().kind).toBe('failed');
    expect(watched()).toEqual([oldAddress]);
  });

  it('leave a daemon gone that has no successor', () => {
    const { sample, dies } = setUp();
    sample();
    dies();
    expect([sample().kind, sample().kind]).toEqual(['gone', 'gone']);
  });

  it('are searched for once if another listener has the same port at the next poll', () => {
    const { world, sample } = setUp();
    sample();
    world.sockets[oldAddress] = { listeners: [6], clients: [] };
    world.sockets[newAddress] = { listeners: [9], clients: [client('10.0.0.5:4000')] };
    world.daemons = [daemonAt(8, [oldAddress, newAddress])];
    world.running = [8];
    expect(sample()).toMatchObject({ kind: 'counted', connections: [{ peer: '10.0.0.5:4000' }] });
    sample();
    expect(world.searches).toBe(1);
  });

  it('are uncertain, not counted, if a listener is replaced before the next search is due', () => {
    const { world, sample, sampler } = setUp();
    sample();
    for (const [nowMs, inode, kind] of [
      [0, 6, 'counted'],
      [1, 7, 'failed'],
      [999, 7, 'failed'],
      [1000, 7, 'counted'],
    ] as const) {
      world.nowMs = nowMs;
      world.sockets[oldAddress] = { listeners: [inode], clients: [] };
      expect([nowMs, sample().kind, sampler.isUnchanged()]).toEqual([
        nowMs,
        kind,
        kind === 'counted',
      ]);
    }
    expect(world.searches).toBe(2);
  });

  it('are searched for at most once a second while a listener is missing', () => {
    const { world, sample } = setUp();
    sample();
    world.sockets[oldAddress] = { listeners: [], clients: [] };
    for (let result = 0; result < 31; result += 1) {
      expect(sample().kind).toBe('failed');
      world.nowMs += 100;
    }
    expect(world.searches).toBe(4);
  });

  it('include configured addresses without a listener once they have one', () => {
    const { world, sample, watched } = setUp();
    world.daemons = [daemonAt(7, [oldAddress], true, [newAddress])];
    world.sockets[oldAddress] = { listeners: [6], clients: [] };
    sample();
    world.sockets[oldAddress] = { listeners: [8], clients: [] };
    world.nowMs += 1000;
    expect([sample().kind, watched()]).toEqual(['counted', [oldAddress]]);
    world.sockets[newAddress] = { listeners: [9], clients: [client('10.0.0.5:4000')] };
    expect(sample()).toMatchObject({ kind: 'counted', connections: [{ peer: '10.0.0.5:4000' }] });
    expect(watched()).toEqual([oldAddress, newAddress]);
  });

  it('stay watched if they are configured for the daemon that replaced a dead one', () => {
    const { world, sample, watched, dies, starts } = setUp();
    world.daemons = [daemonAt(7, [oldAddress, newAddress])];
    world.sockets[newAddress] = { listeners: [9], clients: [] };
    world.sockets[oldAddress] = { listeners: [6], clients: [] };
    world.nowMs += 1000;
    sample();
    world.nowMs += 1000;
    expect([sample().kind, watched()]).toEqual(['counted', [oldAddress, newAddress]]);
    dies();
    world.sockets[newAddress] = { listeners: [], clients: [] };
    starts(8, oldAddress);
    world.daemons = [daemonAt(8, [oldAddress], true, [newAddress])];
    world.nowMs += 1000;
    expect([sample().kind, watched()]).toEqual(['counted', [oldAddress]]);
    world.sockets[newAddress] = { listeners: [99], clients: [] };
    world.nowMs += 1000;
    expect([sample().kind, watched()]).toEqual(['counted', [oldAddress, newAddress]]);
    expect(world.changes.flatMap(({ dropped }) => dropped)).toEqual([]);
  });

  it.each([
    ['a second after the last search', [], 1000],
    ['five seconds after, while a client is connected', [client('10.0.0.5:4000')], 5000],
  ] as const)('are searched for again though nothing changed: %s', (_, clients, pauseMs) => {
    const { world, sample, watched } = setUp();
    world.sockets[oldAddress]?.clients.push(...clients);
    sample();
    world.sockets[newAddress] = { listeners: [9], clients: [] };
    world.daemons = [daemonAt(7, [oldAddress, newAddress])];
    world.nowMs += pauseMs - 1;
    expect([watched(), world.searches]).toEqual([[oldAddress], 0]);
    world.nowMs += 1;
    expect([watched(), world.searches]).toEqual([[oldAddress, newAddress], 1]);
    expect(world.changes.at(-1)?.added).toMatchObject([{ endpoint: { address: newAddress } }]);
  });

  it('fail once where their listener is gone and the next daemon has none yet', () => {
    const { world, sample, dies } = setUp();
    sample();
    dies();
    world.daemons = [daemonAt(8, [], false)];
    world.running = [8];
    const sockets = { listensOn: [], connections: [], areAllKnown: true };
    world.state = { kind: 'alive', pid: 8, ...sockets };
    const failed = { kind: 'failed', error: { code: 'ERR_LISTENER_REPLACED' } };
    expect(sample()).toMatchObject(failed);
    expect(sample()).toMatchObject({ kind: 'counted', connections: [] });
  });

  it('stay where processes can not be read any more', () => {
    const { world, sample, watched } = setUp();
    sample();
    world.unreadable = true;
    world.sockets[oldAddress] = { listeners: [6], clients: [] };
    expect(sample().kind).toBe('counted');
    expect(watched()).toEqual([oldAddress]);
  });
});
