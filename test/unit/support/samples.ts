import {
  BackendError,
  type Connection,
  type CountedSample,
  type Endpoint,
  type EndpointResult,
  type FailedSample,
  type GoneSample,
  type Sample,
  type Sampler,
  type TcpFacts,
  type Traffic,
  type TrafficOf,
} from '../../../src/backends/types.ts';
import type { BuildsAnswer, BuildsSource } from '../../../src/builds/types.ts';

export const tcpEndpoint: Endpoint = {
  kind: 'tcp',
  address: 'tcp://0.0.0.0:1234',
  localPort: 1234,
};

export const unixEndpoint: Endpoint = {
  kind: 'unix',
  address: 'unix:///run/buildkit/buildkitd.sock',
  path: '/run/buildkit/buildkitd.sock',
};

export function client(peer: string | null, rest: Partial<Connection> = {}): Connection {
  return {
    endpoint: tcpEndpoint.address,
    peer,
    peerAddress: peer?.split(':')[0] ?? null,
    local: '10.0.0.1:1234',
    inode: 7,
    ...rest,
  };
}

/** The traffic of a connection that has sent and received a little, and is reachable. */
export function traffic(rest: Partial<Traffic> = {}): Traffic {
  return {
    bytesReceived: 100,
    bytesAcked: 100,
    msSinceReceived: 0,
    msSinceSent: 0,
    msSinceAcked: 0,
    unanswered: 0,
    ...rest,
  };
}

export function seen(
  endpoint: Endpoint,
  listeners: number[],
  connections: Connection[] = [],
): Extract<EndpointResult, { kind: 'polled' }> {
  return {
    kind: 'polled',
    endpoint,
    backend: 'sock-diag',
    snapshot: { revision: nextRevision(), listenerInodes: listeners, connections },
  };
}

export function counted(...connections: Connection[]): CountedSample {
  const results = [seen(tcpEndpoint, [5], connections)];
  return { kind: 'counted', revision: nextRevision(), results, connections };
}

export function failed(code = 'EPERM', ...connections: Connection[]): FailedSample {
  const error = new BackendError(code, 'poll', `poll failed with ${code}`);
  return { kind: 'failed', error, results: [], connections };
}

export const gone: GoneSample = { kind: 'gone', wasThere: true, results: [] };

/** The facts of an endpoint with nothing to report. */
export function tcpFacts(rest: Partial<TcpFacts> = {}): TcpFacts {
  return {
    traffic: () => new Map(),
    takeEnded: () => [],
    onEnd: () => true,
    announcesEnds: () => false,
    seenBetweenPolls: () => 0,
    degraded: () => null,
    mode: () => 'tracked',
    ...rest,
  };
}

let revision = 0;
/** Nothing that is made here has the revision of anything else. */
export function nextRevision(): number {
  revision += 1;
  return revision;
}

/** A sampler that says what the test does, and never that nothing is new. */
export function samplerOf(
  sample: () => Sample,
  trafficNow: () => TrafficOf = () => new Map(),
): Sampler {
  return {
    sample,
    isUnchanged: () => false,
    loop: () => null,
    searchDueMs: () => Infinity,
    traffic: trafficNow,
    takeEnded: () => [],
    announcesEnd: () => false,
  };
}

export function runs(...refs: string[]): BuildsAnswer {
  const builds = refs.map((ref) => ({ ref, startedAtMs: null }));
  return { kind: 'known', builds, lastEndedAtMs: null };
}

/** An answer that no build runs, with the end of the latest one on record. */
export function runsNone(lastEndedAtMs: number | null = null): BuildsAnswer {
  return { kind: 'known', builds: [], lastEndedAtMs };
}

export function unknownBuilds(code = 'ECONNREFUSED'): BuildsAnswer {
  return { kind: 'unknown', error: new BackendError(code, 'ask for the builds', 'refused') };
}

/** The one daemon that listens in every count made here. */
export function daemonSaying(
  answer: () => BuildsAnswer,
  ownPeers: readonly string[] = [],
): BuildsSource {
  return {
    ask: async ({ results }) => {
      const listeners = results.flatMap((result) =>
        result.kind === 'polled' ? result.snapshot.listenerInodes : [],
      );
      return [{ endpoints: [tcpEndpoint], listeners, answer: answer() }];
    },
    ownPeers: () => ownPeers,
    isSettled: () => true,
  };
}
