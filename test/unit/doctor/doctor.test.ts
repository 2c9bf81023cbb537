import { describe, expect, it } from 'vitest';
import {
  InspectError,
  type Inspector,
  type InspectorName,
  type LookMode,
  type Sight,
} from '../../../src/backends/types.ts';
import { agree, compareMeans } from '../../../src/doctor/endpoints.ts';
import { tryMeans } from '../../../src/doctor/trial.ts';
import { client, tcpEndpoint } from '../support/samples.ts';

function inspector(
  name: InspectorName,
  look: () => Sight,
  rest: Partial<Inspector> = {},
): Inspector {
  return { name, look, close() {}, ...rest };
}

const vouched: Sight = { listenerInodes: [5], connections: [] };
const one: Sight = { listenerInodes: [5], connections: [client('10.0.0.5:1')] };
const blind: Sight = { listenerInodes: [], connections: [] };

describe('comparing the means of looking', () => {
  it('looks again where a connection may have come or gone in between', () => {
    const sights = [vouched, one, one];
    const first = inspector('sock-diag', () => sights.shift() ?? one);
    const { means } = compareMeans(tcpEndpoint, false, [first, inspector('procfs', () => one)]);
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
    const means = [inspector('sock-diag', () => vouched), inspector('procfs', () => other)];
    expect(agree(compareMeans(tcpEndpoint, false, means).means)).toBe(false);
  });

  it('keeps a failure as a finding, which disagrees with nobody', () => {
    const refused = inspector('sock-diag', () => {
      throw new InspectError('EPERM', 'socket', 'socket failed with EPERM');
    });
    const { means } = compareMeans(tcpEndpoint, false, [refused, inspector('procfs', () => one)]);
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
    const modes: LookMode[] = ['first', 'settling', 'tracked'];
    let looks = 0;
    const keeping = inspector(
      'sock-diag',
      () => {
        looks += 1;
        return vouched;
      },
      { mode: () => modes[looks - 1] ?? 'tracked', onEnd: () => false },
    );
    const [ipv4] = await tryMeans([keeping]);
    expect(ipv4?.means).toEqual([
      {
        inspector: 'sock-diag',
        sees: { kind: 'done', value: true },
        mode: 'tracked',
        handicap: null,
        hearsEnds: false,
      },
    ]);
  });

  it('tells one that answers and does not see what is there', async () => {
    const trials = await tryMeans([inspector('procfs', () => blind)]);
    expect(trials.map(({ family }) => family)).toEqual(['IPv4', 'IPv6', 'unix']);
    for (const { means } of trials) {
      expect(means).toMatchObject([{ sees: { kind: 'done', value: false }, hearsEnds: null }]);
    }
  });
});
