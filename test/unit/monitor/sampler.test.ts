import { describe, expect, it } from 'vitest';
import type { Process } from '../../../src/backends/procfs/processes.ts';
import {
  BackendError,
  type EndedConnection,
  type Endpoint,
  type EndpointResult,
} from '../../../src/backends/types.ts';
import type { EndpointPoller } from '../../../src/backends/with-fallback.ts';
import { createSampler } from '../../../src/monitor/sampler.ts';
import type { DaemonState, DaemonWatch } from '../../../src/monitor/watch-processes.ts';
import { client, seen, tcpEndpoint, tcpFacts, unixEndpoint } from '../support/samples.ts';

const builder = client('10.0.0.5:4000');

const unreadable = { connections: [], areAllKnown: false };

function unseen(): EndpointResult {
  return { kind: 'failed', endpoint: unixEndpoint, error: new BackendError('EPERM', 'poll', 'no') };
}

/** A sampler over polls and a daemon that the test can change between samples. */
function setUp(isAssumed: boolean, endpoints: readonly Endpoint[] = [tcpEndpoint, unixEndpoint]) {
  const now = {
    tcp: seen(tcpEndpoint, [5]) as EndpointResult,
    unix: seen(unixEndpoint, [6]) as EndpointResult,
    daemon: { kind: 'dead', wasThere: true } as DaemonState,
    remembered: [] as readonly number[],
    /** Of each listener the process with its number, and by that the connections it may have. */
    owners: [] as readonly Process[],
    held: {} as Record<number, readonly number[]>,
    listenerGone: [] as string[],
    announcesEnds: false,
    ended: [] as EndedConnection[],
  };
  const daemon: DaemonWatch = {
    remember: (inodes) => {
      now.remembered = inodes;
    },
    state: () => now.daemon,
    ownersOf: (inodes) => now.owners.filter(({ pid }) => inodes.includes(pid)),
    haveNoOthers: (processes, connections) =>
      processes.length > 0 &&
      processes.every(({ pid }) => (now.held[pid] ?? []).every((it) => connections.includes(it))),
  };
  const pollerOf = (endpoint: Endpoint): EndpointPoller => ({
    poll: () => now[endpoint.kind],
    current: () => ({
      poll() {
        const result = now[endpoint.kind];
        if (result.kind === 'failed') {
          throw result.error;
        }
        return result.snapshot;
      },
      ...(endpoint.kind === 'tcp' &&
        tcpFacts({
          announcesEnds: () => now.announcesEnds,
          takeEnded: () => now.ended.splice(0),
        })),
      close: () => {},
    }),
    onEnd: () => {},
    seenBetweenPolls: () => 0,
    close: () => {},
  });
  const sampler = createSampler({
    targets: endpoints.map((endpoint) => {
      return { endpoint, isAssumed, otherNetns: null, owners: [] };
    }),
    open: ({ endpoint }) => pollerOf(endpoint),
    daemon,
    rediscovery: null,
    now: () => 0,
    onListenerGone: (silent) => now.listenerGone.push(silent.map(({ address }) => address).join()),
  });
  return { now, sampler, sample: sampler.sample };
}

describe('a sample', () => {
  it('of no endpoint is never a count', () => {
    const { now, sample } = setUp(false, []);
    expect(sample()).toMatchObject({ kind: 'gone' });
    now.daemon = { kind: 'unknown', reason: 'it is unreadable' };
    expect(sample()).toMatchObject({ kind: 'failed', error: { code: 'ERR_NO_LISTENER' } });
  });

  it('is counted when every endpoint was polled with its listener', () => {
    const { now, sample } = setUp(false);
    now.tcp = seen(tcpEndpoint, [5], [builder]);
    expect(sample()).toMatchObject({ kind: 'counted', connections: [builder] });
    expect(now.remembered).toEqual([5, 6]);
  });

  it('fails when one of the endpoints could not be polled, and keeps what the other showed', () => {
    const { now, sample } = setUp(false);
    now.tcp = seen(tcpEndpoint, [5], [builder]);
    now.unix = unseen();
    expect(sample()).toMatchObject({
      kind: 'failed',
      error: { code: 'EPERM' },
      connections: [builder],
    });
  });

  it('fails when a configured endpoint has no listener, though another has', () => {
    const { now, sample } = setUp(false);
    now.unix = seen(unixEndpoint, []);
    now.daemon = { kind: 'alive', pid: 7, listensOn: ['tcp://[::]:1234'], ...unreadable };
    expect(sample()).toMatchObject({
      kind: 'failed',
      error: {
        code: 'ERR_NO_LISTENER',
        message:
          'nothing listens on unix:///run/buildkit/buildkitd.sock, ' +
          'and the daemon (pid 7) listens on tcp://[::]:1234',
      },
    });
  });

  it.each<[DaemonState, string]>([
    [{ kind: 'dead', wasThere: true }, 'gone'],
    [{ kind: 'alive', pid: 7, listensOn: [], ...unreadable }, 'failed'],
    [{ kind: 'unknown', reason: 'it is unreadable' }, 'failed'],
  ])('without any listener, and the daemon %j, is %s', (state, kind) => {
    const { now, sample } = setUp(false);
    now.tcp = seen(tcpEndpoint, []);
    now.unix = seen(unixEndpoint, []);
    now.daemon = state;
    expect(sample().kind).toBe(kind);
  });

  it('is unchanged only if it was counted, and each listening endpoint is as it was', () => {
    const { now, sampler, sample } = setUp(false);
    expect(sampler.isUnchanged()).toBe(false);
    const first = sample();
    expect(sampler.isUnchanged()).toBe(true);
    expect(sample()).toBe(first);
    now.tcp = seen(tcpEndpoint, [5], [builder]);
    expect([sampler.isUnchanged(), sampler.isUnchanged()]).toEqual([false, false]);
    expect(sample()).toMatchObject({ kind: 'counted', connections: [builder] });
    expect(sampler.isUnchanged()).toBe(true);
    now.unix = unseen();
    expect(sampler.isUnchanged()).toBe(false);
    sample();
    expect(sampler.isUnchanged()).toBe(false);
  });

  it('is not gone while a connection is there, whatever is known of processes', () => {
    const { now, sample } = setUp(false);
    now.tcp = seen(tcpEndpoint, [], [builder]);
    now.unix = seen(unixEndpoint, []);
    expect(sample()).toMatchObject({ kind: 'failed', connections: [builder] });
  });

  it('is not gone when an endpoint could not be polled', () => {
    const { now, sample } = setUp(false);
    now.tcp = seen(tcpEndpoint, []);
    now.unix = unseen();
    expect(sample().kind).toBe('failed');
  });
});

describe('a sample of a daemon that lives without a listener', () => {
  const sockets = { listensOn: [], connections: [], areAllKnown: true };
  const owner = { pid: 5, startTime: '5', parentPid: 1 };
  const accepted = { ...builder, inode: 77 };

  it('is counted where all sockets of all daemons are known, and none is unseen', () => {
    const { now, sample } = setUp(false);
    now.unix = seen(unixEndpoint, []);
    for (const [state, connections, kind] of [
      [sockets, [], 'counted'],
      [{ ...sockets, connections: [77] }, [accepted], 'counted'],
      [{ ...sockets, connections: [77, 78] }, [accepted], 'failed'],
      [{ ...sockets, areAllKnown: false }, [], 'failed'],
      [{ ...sockets, listensOn: ['tcp://[::]:1'] }, [], 'failed'],
    ] as const) {
      now.tcp = seen(tcpEndpoint, [], [...connections]);
      now.daemon = { kind: 'alive', pid: 7, ...state };
      expect([state, sample().kind]).toEqual([state, kind]);
    }
    expect(now.listenerGone[0]).toBe(`${tcpEndpoint.address},${unixEndpoint.address}`);
  });

  it('is counted if all sockets of the process that had the listener are known', () => {
    const { now, sample } = setUp(false);
    now.owners = [owner];
    now.daemon = { kind: 'alive', pid: 6, listensOn: [unixEndpoint.address], ...unreadable };
    sample();
    now.tcp = seen(tcpEndpoint, [], [accepted]);
    now.held = { 5: [77] };
    expect(sample()).toMatchObject({ kind: 'counted', connections: [accepted] });
    now.held = { 5: [77, 78] };
    expect(sample().kind).toBe('failed');
    now.held = { 5: [] };
    now.owners = [];
    expect(sample().kind).toBe('failed');
  });

  it('is evaluated each time, though every poll finds the same', () => {
    const { now, sample } = setUp(false);
    now.unix = seen(unixEndpoint, []);
    now.tcp = seen(tcpEndpoint, []);
    now.daemon = { kind: 'alive', pid: 7, ...sockets };
    expect(sample().kind).toBe('counted');
    now.daemon = { kind: 'dead', wasThere: true };
    expect(sample().kind).toBe('gone');
  });
});

describe('a sample without any daemon', () => {
  it.each([
    [false, false, false],
    [false, true, true],
    [true, false, true],
  ])(
    'reports whether anything was there: a client before %s, a daemon %s: %s',
    (hadClient, wasThere, expected) => {
      const { now, sample } = setUp(false);
      now.unix = seen(unixEndpoint, []);
      now.tcp = seen(tcpEndpoint, [], hadClient ? [builder] : []);
      now.daemon = { kind: 'dead', wasThere };
      sample();
      now.tcp = seen(tcpEndpoint, []);
      expect(sample()).toMatchObject({ kind: 'gone', wasThere: expected });
    },
  );
});

describe('a socket that is watched by two paths', () => {
  it('is counted once, also when it listens no more', () => {
    const { now, sample } = setUp(false);
    now.tcp = seen(tcpEndpoint, [5], [builder]);
    now.unix = seen(unixEndpoint, [5], [builder]);
    expect(sample()).toMatchObject({ kind: 'counted', connections: [builder] });
    now.tcp = seen(tcpEndpoint, [], [builder]);
    now.unix = seen(unixEndpoint, [], [builder]);
    expect(sample()).toMatchObject({ kind: 'failed', connections: [builder] });
    now.tcp = seen(tcpEndpoint, [5]);
    now.unix = seen(unixEndpoint, [6], [builder]);
    expect(sample().results).toHaveLength(2);
  });
});

describe('an endpoint that is only assumed', () => {
  it('does not matter without a listener, where another has one', () => {
    const { now, sample } = setUp(true);
    now.unix = seen(unixEndpoint, []);
    expect(sample()).toMatchObject({ kind: 'counted', results: [{ endpoint: tcpEndpoint }] });
  });

  it('matters when it can not be polled: there may be clients', () => {
    const { now, sample } = setUp(true);
    now.unix = unseen();
    expect(sample().kind).toBe('failed');
  });

  it('matters from its first listener or client on', () => {
    const { now, sample } = setUp(true);
    sample();
    now.unix = seen(unixEndpoint, []);
    now.daemon = { kind: 'alive', pid: 7, listensOn: [], ...unreadable };
    expect(sample().kind).toBe('failed');
  });

  it('is polled again at every sample', () => {
    const { now, sample } = setUp(true);
    now.unix = seen(unixEndpoint, []);
    sample();
    now.unix = seen(unixEndpoint, [6], [builder]);
    expect(sample()).toMatchObject({ kind: 'counted', connections: [builder] });
  });

  it('makes no daemon gone: without any listener all of them are named', () => {
    const { now, sample } = setUp(true);
    now.tcp = seen(tcpEndpoint, []);
    now.unix = seen(unixEndpoint, []);
    now.daemon = { kind: 'unknown', reason: 'it is unreadable' };
    expect(sample()).toMatchObject({
      error: {
        message: expect.stringContaining(`${tcpEndpoint.address} or ${unixEndpoint.address}`),
      },
    });
  });

  it('hands on the connections that have ended at any endpoint, once', () => {
    const { now, sampler } = setUp(false);
    const end = { peer: '10.0.0.5:1', peerAddress: '10.0.0.5', bytesReceived: 7 };
    now.ended.push(end);
    expect(sampler.takeEnded()).toEqual([end]);
    expect(sampler.takeEnded()).toEqual([]);
  });

  it('knows by its endpoint whether the end of a connection will be reported', () => {
    const { now, sampler } = setUp(false);
    const otherNetns = { ...builder, endpoint: 'tcp://0.0.0.0:4321' };
    expect([builder, otherNetns].map(sampler.announcesEnd)).toEqual([false, false]);
    now.announcesEnds = true;
    expect([builder, otherNetns].map(sampler.announcesEnd)).toEqual([true, false]);
  });
});
