import { describe, expect, it } from 'vitest';
import { lingersUntilMs } from './certainty.ts';
import { endAll, enter, type GroundTruth, newLifetime, openGroundTruth } from './ground-truth.ts';
import { type End, judgeEnd, judgeLine, mustBeNamed, type Subject } from './judge.ts';
import type { WaitRule } from './plan.ts';

// Polls are at most 1 s apart, and so a connection counts as a client for certain 3 s after it was opened.
const rule: WaitRule = {
  endpoints: ['dual'],
  intervalMs: 100,
  quietPeriodMs: 2000,
  probeGraceMs: 1000,
  minWaitMs: 0,
  timeoutMs: 60_000,
  maxConnections: 0,
  backend: 'sock-diag',
  builds: 'off',
  logLevel: 'info',
};

function subjectOf(changes: Partial<WaitRule> = {}): Subject {
  return {
    name: 'wait',
    rule: { ...rule, ...changes },
    spawnMs: 0,
    startedMs: 100,
    faults: [],
    isSignalled: false,
    knownBuilds: new Map(),
  };
}

/** Clients of the dual endpoint, each with when it was connected and when it left. */
function groundTruthOf(
  ...lifetimes: readonly (readonly [fromMs: number, toMs: number])[]
): GroundTruth {
  const truth = openGroundTruth();
  for (const [index, [fromMs, toMs]] of lifetimes.entries()) {
    const id = String(index);
    enter(truth, {
      at: 'connecting',
      id,
      ms: fromMs - 1,
      endpoint: 'dual',
      hasSentNothing: false,
    });
    enter(truth, { at: 'connected', id, ms: fromMs, name: `127.0.0.1:${40_000 + index}` });
    if (toMs !== Infinity) {
      enter(truth, { at: 'ending', id, ms: toMs });
      enter(truth, { at: 'ended', id, ms: toMs + 1 });
    }
  }
  return truth;
}

const drainedAt = (atMs: number): End => ({
  atMs,
  outcome: 'drained',
  code: 0,
  results: 500,
});

function kindsOf(truth: GroundTruth, end: End, subject = subjectOf()): string[] {
  return judgeEnd(subject, truth, end).map(({ kind }) => kind);
}

describe('a wait that reports drained', () => {
  it.for([
    ['a quiet period after the last client', groundTruthOf([1000, 9000]), 11_050, []],
    ['less than that after a client', groundTruthOf([1000, 9000]), 10_900, ['early']],
    ['less than that after its start', groundTruthOf(), 1900, ['early']],
    ['while an old client is there', groundTruthOf([1000, Infinity]), 20_000, ['early', 'early']],
    ['while a newcomer is there', groundTruthOf([18_000, Infinity]), 20_000, ['early']],
    ['in the moment that a client comes', groundTruthOf([19_990, Infinity]), 20_000, []],
    ['over a probe that has gone', groundTruthOf([18_500, 19_400]), 20_000, []],
    ['over a connection that may have been a probe', groundTruthOf([16_000, 18_500]), 20_000, []],
    [
      'over two clients that took turns',
      groundTruthOf([1000, 9000], [5000, 19_000]),
      20_000,
      ['early'],
    ],
  ] as const)('%s is judged rightly', ([, truth, atMs, kinds]) => {
    expect(kindsOf(truth, drainedAt(atMs))).toEqual(kinds);
  });

  it('may leave as many clients as its option allows', () => {
    const truth = groundTruthOf([1000, Infinity], [1000, 9000]);
    expect(kindsOf(truth, drainedAt(11_050), subjectOf({ maxConnections: 1 }))).toEqual([]);
    expect(kindsOf(truth, drainedAt(10_900), subjectOf({ maxConnections: 1 }))).toEqual(['early']);
  });

  it('must not count a time without a daemon as quiet', () => {
    const truth = groundTruthOf();
    truth.downs.push({ fromMs: 18_500, toMs: 19_800 });
    expect(kindsOf(truth, drainedAt(20_000))).toEqual(['early']);
  });

  it('must not end before a build that it knew of, and a quiet period', () => {
    const truth = groundTruthOf();
    truth.builds.push({ ref: 'a', fromMs: 50, toMs: 9000 });
    const subject = subjectOf({ builds: 'auto' });
    expect(kindsOf(truth, drainedAt(10_000), subject)).toEqual([]);
    subject.knownBuilds.set('a', 300);
    expect(kindsOf(truth, drainedAt(10_000), subject)).toEqual(['early']);
    expect(kindsOf(truth, drainedAt(11_050), subject)).toEqual([]);
  });

  it('may take a killed client for gone from its kill on, and no sooner', () => {
    const truth = groundTruthOf([1000, Infinity]);
    endAll(truth.lifetimes.values(), { fromMs: 9000, toMs: 9005 });
    expect(kindsOf(truth, drainedAt(10_900))).toEqual(['early']);
    expect(kindsOf(truth, drainedAt(11_050))).toEqual([]);
  });
});

describe('a wait that ends otherwise', () => {
  it('is early where it reports gone of a daemon that runs', () => {
    const truth = groundTruthOf();
    const gone = { atMs: 20_000, outcome: 'gone', code: 0, results: 500 };
    expect(kindsOf(truth, gone)).toEqual(['early']);
    truth.downs.push({ fromMs: 19_000, toMs: 19_900 });
    expect(kindsOf(truth, gone)).toEqual([]);
  });

  it.for([
    [
      'another exit code than its outcome has',
      { atMs: 20_000, outcome: 'drained', code: 3, results: 500 },
    ],
    ['a deadline that had not come', { atMs: 20_000, outcome: 'timed-out', code: 3, results: 500 }],
    [
      'a deadline after a minute of nothing',
      { atMs: 60_001, outcome: 'timed-out', code: 3, results: 500 },
    ],
    [
      'an interruption without a signal',
      { atMs: 20_000, outcome: 'interrupted', code: 143, results: 500 },
    ],
  ] as const)('is wrong with %s', ([, end]) => {
    expect(kindsOf(groundTruthOf(), end)).toEqual(['wrong']);
  });

  it('may reach its deadline with a client', () => {
    const end = { atMs: 60_001, outcome: 'timed-out', code: 3, results: 500 };
    expect(kindsOf(groundTruthOf([1000, Infinity]), end)).toEqual([]);
  });
});

describe('a line of the log', () => {
  const result = { fromMs: 19_999, toMs: 20_001 };
  const reported = { result, connections: 1, quietForMs: null, clients: [] };

  it.for([
    ['the client that is there', groundTruthOf([1000, Infinity]), reported, 0],
    [
      'no client, where one is',
      groundTruthOf([1000, Infinity]),
      { ...reported, connections: 0 },
      1,
    ],
    [
      'two clients, where one is',
      groundTruthOf([1000, Infinity]),
      { ...reported, connections: 2 },
      1,
    ],
    ['a client, where none is', groundTruthOf(), reported, 1],
    ['a client that has just come', groundTruthOf([19_000, Infinity]), reported, 0],
    [
      'quiet since before the last left',
      groundTruthOf([1000, 19_000]),
      { ...reported, connections: 0, quietForMs: 1100 },
      1,
    ],
    [
      'quiet since the last left',
      groundTruthOf([1000, 19_000]),
      { ...reported, connections: 0, quietForMs: 900 },
      0,
    ],
    [
      'a client for longer than it is connected',
      groundTruthOf([15_000, Infinity]),
      {
        ...reported,
        clients: [
          { endpoint: 'tcp://[::]:1234', peer: '127.0.0.1:40000', ageAtLeastMs: 6000 },
          { endpoint: 'tcp://[::1]:1236', peer: '127.0.0.1:40000', ageAtLeastMs: 9000 },
        ],
      },
      1,
    ],
  ] as const)('that reports %s is judged rightly', ([, truth, line, findings]) => {
    expect(judgeLine(subjectOf(), truth, line, 0)).toHaveLength(findings);
  });

  it('is not judged while the tool is kept from polling', () => {
    const subject = subjectOf();
    subject.faults.push({ kind: 'stop', fromMs: 19_500, toMs: 19_900 });
    expect(judgeLine(subject, groundTruthOf(), reported, 0)).toBeNull();
  });
});

describe('a client of the unix socket that the daemon has not accepted', () => {
  const asked = (fromMs: number) => ({ fromMs, toMs: fromMs + 10 });
  const lingering = (
    changes: { [Name in keyof GroundTruth]?: Readonly<GroundTruth[Name]> },
  ): number => {
    const lifetime = { ...newLifetime('a', 'unix', false, 999), fromMs: 1000, latestMs: 1100 };
    return lingersUntilMs({ ...openGroundTruth(), ...(changes as Partial<GroundTruth>) }, lifetime);
  };
  const answeredRequests = [1200, 2200, 3200, 4200].map(asked);

  it.for([
    ['has no certain end while no later client is answered', { answeredRequests }, Infinity],
    [
      'nor by the answer to a client that came before it',
      { answeredRequests, answers: [asked(990)] },
      Infinity,
    ],
    [
      'is closed two requests after a later client was answered',
      { answeredRequests, answers: [{ fromMs: 1050, toMs: 2500 }] },
      4210,
    ],
    [
      'is closed two requests after it left',
      { answeredRequests, answers: [{ fromMs: 1001, toMs: 1050 }] },
      2210,
    ],
    ['is gone with its daemon', { answeredRequests, downs: [{ fromMs: 1500, toMs: 1800 }] }, 1800],
    [
      'is not gone with the one before',
      { answeredRequests, downs: [{ fromMs: 500, toMs: 1800 }] },
      Infinity,
    ],
  ] as const)('%s', ([, changes, untilMs]) => {
    expect(lingering(changes)).toBe(untilMs);
  });
});

it('a client must be named that a poll must have found, and no other', () => {
  const namedOf = (fromMs: number, toMs: number): boolean[] =>
    [...groundTruthOf([fromMs, toMs]).lifetimes.values()].map((lifetime) =>
      mustBeNamed(subjectOf(), lifetime, [{ fromMs: 4999, toMs: 5001 }]),
    );
  expect([...namedOf(1000, 9000), ...namedOf(1000, 4900), ...namedOf(3500, 9000)]).toEqual([
    true,
    false,
    false,
  ]);
});
