import { describe, expect, it } from 'vitest';
import type { BuildsAnswer, DaemonAnswer } from '../../../src/builds/types.ts';
import { namedBuildsAfter } from '../../../src/drain/named-builds.ts';
import { runs, runsNone, tcpEndpoint, unknownBuilds } from '../support/samples.ts';

const tcp = [5];
const unix = [6];

function says(listeners: readonly number[], answer: BuildsAnswer): DaemonAnswer {
  return { endpoints: [tcpEndpoint], listeners, answer };
}

function refsAfter(...rounds: readonly (readonly DaemonAnswer[])[]): string[] {
  const words = rounds.reduce(
    (before, answers, round) => namedBuildsAfter(before, answers, round),
    [] as ReturnType<typeof namedBuildsAfter>,
  );
  return words.flatMap(({ builds }) => builds.map(({ ref }) => ref));
}

describe('the builds that a daemon named', () => {
  it('is what it named when it last answered', () => {
    expect(refsAfter([says(tcp, runs('a', 'b'))], [says(tcp, runs('b'))])).toEqual(['b']);
    expect(refsAfter([says(tcp, runs('a'))], [says(tcp, runsNone())])).toEqual([]);
  });

  it('stays while it gives no answer, and while it is not asked', () => {
    expect(refsAfter([says(tcp, runs('a'))], [says(tcp, unknownBuilds())])).toEqual(['a']);
    expect(refsAfter([says(tcp, runs('a'))], [])).toEqual(['a']);
  });

  it('is of that daemon: another one that names none ends nothing', () => {
    const rounds = [[says(tcp, runs('a'))], [says(tcp, unknownBuilds()), says(unix, runsNone())]];
    expect(refsAfter(...rounds)).toEqual(['a']);
  });

  it('ends with the answer at another address at which the same build was named', () => {
    const rounds = [
      [says(tcp, runs('a')), says(unix, runs('a'))],
      [says(tcp, unknownBuilds()), says(unix, runsNone())],
    ];
    expect(refsAfter(...rounds)).toEqual([]);
  });
});
