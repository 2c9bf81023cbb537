import { describe, expect, it } from 'vitest';
import {
  type Backend,
  BackendError,
  type BackendName,
  type EndpointSnapshot,
  type PollMode,
  type TcpFacts,
} from '../../../src/backends/types.ts';
import { agree, compareBackends } from '../../../src/doctor/endpoints.ts';
import { tryBackends } from '../../../src/doctor/trial.ts';
import { client, tcpEndpoint, tcpFacts } from '../support/samples.ts';

function backend(
  name: BackendName,
  poll: () => EndpointSnapshot,
  tcp: TcpFacts | null = null,
): Backend {
  return { name, open: () => ({ poll, ...tcp, close() {} }) };
}

const vouched: EndpointSnapshot = { revision: 1, listenerInodes: [5], connections: [] };
const one: EndpointSnapshot = { ...vouched, connections: [client('10.0.0.5:1')] };
const blind: EndpointSnapshot = { ...vouched, listenerInodes: [] };

describe('comparing the means of looking', () => {
  it('polls again when a connection may have come or gone in between', () => {
    const snapshots = [vouched, one, one];
    const first = backend('sock-diag', () => snapshots.shift() ?? one);
    const { backends } = compareBackends(tcpEndpoint, false, [first, backend('procfs', () => one)]);
    expect(agree(backends)).toBe(true);
    expect(backends.map(({ seen }) => seen)).toEqual([
      { kind: 'done', value: { isListening: true, connections: 1 } },
      { kind: 'done', value: { isListening: true, connections: 1 } },
    ]);
  });

  it.each([
    ['the number of connections', one],
    ['the listener', blind],
  ])('reports that they never agree about %s', (_, other) => {
    const backends = [backend('sock-diag', () => vouched), backend('procfs', () => other)];
    expect(agree(compareBackends(tcpEndpoint, false, backends).backends)).toBe(false);
  });

  it('keeps a failure as a finding, which is no disagreement', () => {
    const refused = backend('sock-diag', () => {
      throw new BackendError('EPERM', 'socket', 'socket failed with EPERM');
    });
    const { backends } = compareBackends(tcpEndpoint, false, [
      refused,
      backend('procfs', () => one),
    ]);
    expect(backends[0]?.seen).toEqual({
      kind: 'failed',
      code: 'EPERM',
      reason: 'socket failed with EPERM',
    });
    expect(agree(backends)).toBe(true);
  });
});

describe('trying the means of looking', () => {
  it('polls until connections are tracked, and reports how the answers were reached', async () => {
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
    const [ipv4] = await tryBackends([keeping]);
    expect(ipv4?.backends).toEqual([
      {
        backend: 'sock-diag',
        sees: { kind: 'done', value: true },
        mode: 'tracked',
        degraded: null,
        reportsEnds: false,
      },
    ]);
  });

  it('reports a backend that answers but misses connections', async () => {
    const trials = await tryBackends([backend('procfs', () => blind)]);
    expect(trials.map(({ family }) => family)).toEqual(['IPv4', 'IPv6', 'unix']);
    for (const { backends } of trials) {
      expect(backends).toMatchObject([{ sees: { kind: 'done', value: false }, reportsEnds: null }]);
    }
  });
});
