import { describe, expect, it } from 'vitest';
import type { BuildsAnswer, DaemonAnswer } from '../../../src/builds/types.ts';
import { namedBuildsAfter } from '../../../src/drain/named-builds.ts';
import { runs, runsNone, tcpEndpoint, unknownBuilds } from '../support/samples.ts';

const tcp = [5];
const unix = [6];

function answers(listeners: readonly number[], answer: BuildsAnswer): DaemonAnswer {
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
    expect(refsAfter([answers(tcp, runs('a', 'b'))], [answers(tcp, runs('b'))])).toEqual(['b']);
    expect(refsAfter([answers(tcp, runs('a'))], [answers(tcp, runsNone())])).toEqual([]);
  });

  it('stays while the daemon gives no answer, and while there is no request', () => {
    expect(refsAfter([answers(tcp, runs('a'))], [answers(tcp, unknownBuilds())])).toEqual(['a']);
    expect(refsAfter([answers(tcp, runs('a'))], [])).toEqual(['a']);
  });

  it('is of that daemon: another one that names none ends nothing', () => {
    const rounds = [
      [answers(tcp, runs('a'))],
      [answers(tcp, unknownBuilds()), answers(unix, runsNone())],
    ];
    expect(refsAfter(...rounds)).toEqual(['a']);
  });

  it('ends with the answer at another address at which the same build was named', () => {
    const rounds = [
      [answers(tcp, runs('a')), answers(unix, runs('a'))],
      [answers(tcp, unknownBuilds()), answers(unix, runsNone())],
    ];
    expect(refsAfter(...rounds)).toEqual([]);
  });
});
