import {
  type Connection,
  type CountedSample,
  type Endpoint,
  type EndpointLook,
  type FailedSample,
  type GoneSample,
  InspectError,
} from '../../../src/inspect/types.ts';

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
    inode: 7,
    bytesReceived: null,
    msSinceReceived: null,
    msSinceSent: null,
    ...rest,
  };
}

export function seen(
  endpoint: Endpoint,
  listeners: number[],
  connections: Connection[] = [],
): EndpointLook {
  return {
    kind: 'seen',
    endpoint,
    inspector: 'sock-diag',
    sight: { listenerInodes: listeners, connections },
  };
}

export function counted(...connections: Connection[]): CountedSample {
  return { kind: 'counted', looks: [seen(tcpEndpoint, [5], connections)], connections };
}

export function failed(code = 'EPERM', ...connections: Connection[]): FailedSample {
  const error = new InspectError(code, 'look', `look failed with ${code}`);
  return { kind: 'failed', error, looks: [], connections };
}

export const gone: GoneSample = { kind: 'gone', looks: [] };
