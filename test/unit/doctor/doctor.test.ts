import { describe, expect, it } from 'vitest';
import {
  type Backend,
  BackendError,
  type BackendName,
  type EndpointSnapshot,
  type PollMode,
  type TcpFacts,
} from '../../../src/backends/types.ts';
import { agree, compareMeans } from '../../../src/doctor/endpoints.ts';
import { tryMeans } from '../../../src/doctor/trial.ts';
import { client, tcpEndpoint, tcpFacts } from '../support/samples.ts';

function backend(
  name: BackendName,
  poll: () => EndpointSnapshot,
  tcp: TcpFacts | null = null,
): Backend {
  return { name, open: () => ({ poll, tcp, close() {} }) };
}

const vouched: EndpointSnapshot = { revision: 1, listenerInodes: [5], connections: [] };
const one: EndpointSnapshot = { ...vouched, connections: [client('10.0.0.5:1')] };
const blind: EndpointSnapshot = { ...vouched, listenerInodes: [] };

describe('comparing the means of looking', () => {
  it('looks again where a connection may have come or gone in between', () => {
    const snapshots = [vouched, one, one];
    const first = backend('sock-diag', () => snapshots.shift() ?? one);
    const { means } = compareMeans(tcpEndpoint, false, [first, backend('procfs', () => one)]);
    expect(agree(means)).toBe(true);
    expect(means.map(({ seen }) => seen)).toEqual([
      { kind: 'done', value: { isListening: true, connections: 1 } },
      { kind: 'done', value: { isListening: true, connections: 1 } },
    ]);
  });

  it.each([
    ['the number of connections', one],
    ['the listener', blind],
  ])('tells that they never agree about %s', (_, other) => {
    const means = [backend('sock-diag', () => vouched), backend('procfs', () => other)];
    expect(agree(compareMeans(tcpEndpoint, false, means).means)).toBe(false);
  });

  it('keeps a failure as a finding, which disagrees with nobody', () => {
    const refused = backend('sock-diag', () => {
      throw new BackendError('EPERM', 'socket', 'socket failed with EPERM');
    });
    const { means } = compareMeans(tcpEndpoint, false, [refused, backend('procfs', () => one)]);
    expect(means[0]?.seen).toEqual({
      kind: 'failed',
      code: 'EPERM',
      reason: 'socket failed with EPERM',
    });
    expect(agree(means)).toBe(true);
  });
});

describe('trying the means of looking', () => {
  it('looks until connections are kept track of, and tells how they came to an answer', async () => {
    const modes: PollMode[] = ['first', 'settling', 'tracked'];
    let results = 0;
    const keeping = backend(
      'sock-diag',
      () => {
        results += 1;
        return vouched;
      },
      tcpFacts({ mode: () => modes[results - 1] ?? 'tracked', onEnd: () => false }),
    );
    const [ipv4] = await tryMeans([keeping]);
    expect(ipv4?.means).toEqual([
      {
        backend: 'sock-diag',
        sees: { kind: 'done', value: true },
        mode: 'tracked',
        degraded: null,
        hearsEnds: false,
      },
    ]);
  });

  it('tells one that answers and does not see what is there', async () => {
    const trials = await tryMeans([backend('procfs', () => blind)]);
    expect(trials.map(({ family }) => family)).toEqual(['IPv4', 'IPv6', 'unix']);
    for (const { means } of trials) {
      expect(means).toMatchObject([{ sees: { kind: 'done', value: false }, hearsEnds: null }]);
    }
  });
});
