import { describe, expect, it } from 'vitest';
import {
  beginQuiet,
  type CountedReading,
  drainedAtMs,
  observe,
  observeNoChange,
  type QuietRule,
  type QuietState,
  type Reading,
  verdict,
} from '../../../src/drain/quiet-period.ts';
import { failed as failedSample } from '../support/samples.ts';

const rule: QuietRule = {
  quietPeriodMs: 1000,
  minWaitMs: 0,
  maxConnections: 0,
  maxGapMs: 1000,
};

type Untimed<Kind extends Reading> = Kind extends Reading ? Omit<Kind, 'fromMs' | 'toMs'> : never;
type Seen = Untimed<Reading>;

const gone: Seen = { kind: 'gone' };

function counted(clients = 0, rest: Partial<CountedReading> = {}): Seen {
  const noBuilds = { builds: 'none', askedMs: null, endedMs: null } as const;
  return { kind: 'counted', clients, pending: 0, maybeOwn: 0, ...noBuilds, ...rest };
}

function failed(seen = 0): Seen {
  return { kind: 'failed', error: failedSample().error, seen };
}

function stateAfter(
  history: readonly [atMs: number, seen: Seen][],
  some: QuietRule = rule,
): QuietState {
  return history.reduce(
    (state, [atMs, seen]) => observe(state, { ...seen, fromMs: atMs, toMs: atMs }, some),
    beginQuiet(0),
  );
}

function verdictAfter(history: readonly [number, Seen][], changes: Partial<QuietRule> = {}) {
  const changed = { ...rule, ...changes };
  return verdict(stateAfter(history, changed), changed);
}

describe('the quiet period', () => {
  it('is over when every sample of it was a count of zero', () => {
    expect(
      verdictAfter([
        [0, counted()],
        [500, counted()],
        [999, counted()],
      ]),
    ).toBe('waiting');
    expect(
      verdictAfter([
        [0, counted()],
        [500, counted()],
        [1000, counted()],
      ]),
    ).toBe('drained');
  });

  it('starts over with every client', () => {
    const history: [number, Seen][] = [
      [0, counted()],
      [900, counted(1)],
      [1000, counted()],
      [1900, counted()],
    ];
    expect(verdictAfter(history)).toBe('waiting');
    expect(verdictAfter([...history, [2000, counted()]])).toBe('drained');
  });

  it('starts over with a sample that could not be taken: unknown is never zero', () => {
    const history: [number, Seen][] = [
      [0, counted()],
      [500, failed()],
      [600, counted()],
      [1500, counted()],
    ];
    expect(verdictAfter(history)).toBe('waiting');
    expect(verdictAfter([...history, [1600, counted()]])).toBe('drained');
  });

  it('never ends on failed samples, however many', () => {
    const unknown = Array.from({ length: 100 }, (_, poll): [number, Seen] => [
      poll * 100,
      failed(),
    ]);
    expect(verdictAfter(unknown)).toBe('waiting');
  });

  it('starts over after a sampling gap, as of SIGSTOP', () => {
    expect(
      verdictAfter([
        [0, counted()],
        [60_000, counted()],
      ]),
    ).toBe('waiting');
    expect(
      verdictAfter([
        [0, counted()],
        [60_000, counted()],
        [61_000, counted()],
      ]),
    ).toBe('drained');
  });

  it('counts from the end of the first quiet sample to the begin of the last', () => {
    const stoppedWithin = (fromMs: number, toMs: number): QuietState =>
      observe(stateAfter([[0, counted()]]), { ...counted(), fromMs, toMs }, rule);
    expect(verdict(stoppedWithin(100, 1000), rule)).toBe('waiting');
    expect(drainedAtMs(stoppedWithin(100, 1000), rule)).toBe(1000);
    expect(drainedAtMs(stoppedWithin(100, 1001), rule)).toBe(2001);
  });

  it('may be zero: then one trusted poll of zero is enough, and a client still holds', () => {
    expect(verdictAfter([[0, counted()]], { quietPeriodMs: 0 })).toBe('drained');
    expect(verdictAfter([[0, counted(1)]], { quietPeriodMs: 0 })).toBe('waiting');
    expect(verdictAfter([[0, failed()]], { quietPeriodMs: 0 })).toBe('waiting');
  });

  it('does not end the wait before the minimum wait', () => {
    const history: [number, Seen][] = [
      [0, counted()],
      [1000, counted()],
      [1500, counted()],
    ];
    expect(verdictAfter(history, { minWaitMs: 2000 })).toBe('waiting');
    expect(verdictAfter([...history, [2000, counted()]], { minWaitMs: 2000 })).toBe('drained');
  });

  it('allows as many clients as configured', () => {
    const history: [number, Seen][] = [
      [0, counted(1)],
      [1000, counted(1)],
    ];
    expect(verdictAfter(history, { maxConnections: 1 })).toBe('drained');
    expect(verdictAfter(history, { maxConnections: 0 })).toBe('waiting');
  });

  it('is not broken by a pending connection, and does not end while there is one', () => {
    const history: [number, Seen][] = [
      [0, counted()],
      [500, counted(0, { pending: 1 })],
      [1000, counted(0, { pending: 1 })],
    ];
    expect(verdictAfter(history)).toBe('waiting');
    expect(drainedAtMs(stateAfter(history), rule)).toBeNull();
    expect(verdictAfter([...history, [1001, counted()]])).toBe('drained');
    expect(verdictAfter(history, { maxConnections: 1 })).toBe('drained');
  });

  it('is broken by a build that the daemon reports as running, whatever the sockets show', () => {
    const history: [number, Seen][] = [
      [0, counted()],
      [500, counted(0, { builds: 'running' })],
      [1000, counted()],
      [1999, counted()],
    ];
    expect(verdictAfter(history)).toBe('waiting');
    expect(verdictAfter([...history, [2000, counted()]])).toBe('drained');
  });

  it('ends with an answer of the daemon that was requested when it was over', () => {
    const history: [number, Seen][] = [
      [0, counted(0, { askedMs: 0 })],
      [1000, counted(0, { askedMs: 999 })],
    ];
    expect(verdictAfter(history)).toBe('waiting');
    expect(verdictAfter([...history, [1005, counted(0, { askedMs: 1000 })]])).toBe('drained');
  });

  it('ends with another answer where something was open after that one', () => {
    const history: [number, Seen][] = [
      [0, counted(0, { askedMs: 0 })],
      [1000, counted(0, { askedMs: 0 })],
      [1100, counted(0, { askedMs: 1000, pending: 1 })],
      [1200, counted(0, { askedMs: 1000 })],
    ];
    expect(verdictAfter(history)).toBe('waiting');
    expect(verdictAfter([...history, [1205, counted(0, { askedMs: 1200 })]])).toBe('drained');
  });

  it('waits until its own request is closed, and needs no other answer for that', () => {
    const history: [number, Seen][] = [
      [0, counted(0, { askedMs: 0 })],
      [1000, counted(0, { askedMs: 0 })],
      [1100, counted(0, { askedMs: 1000, pending: 1, maybeOwn: 1 })],
    ];
    expect(verdictAfter(history)).toBe('waiting');
    expect(verdictAfter([...history, [1200, counted(0, { askedMs: 1000 })]])).toBe('drained');
  });

  it('starts over from the end of what no count has shown', () => {
    const history: [number, Seen][] = [
      [0, counted()],
      [1000, counted(0, { endedMs: 400 })],
      [1399, counted(0, { endedMs: 400 })],
    ];
    expect(verdictAfter(history)).toBe('waiting');
    expect(verdictAfter([...history, [1400, counted(0, { endedMs: 400 })]])).toBe('drained');
  });

  it('goes on over polls that find no change, and ends with a reading only', () => {
    const unchanged = observeNoChange(stateAfter([[0, counted()]]), 900);
    expect(unchanged.quietSinceMs).toBe(0);
    const last = observe(unchanged, { ...counted(), fromMs: 1800, toMs: 1800 }, rule);
    expect(verdict(last, rule)).toBe('drained');
    const late = observe(unchanged, { ...counted(), fromMs: 1901, toMs: 1901 }, rule);
    expect(verdict(late, rule)).toBe('waiting');
  });
});

describe('a daemon that seems gone', () => {
  it('is gone only after a second poll', () => {
    expect(verdictAfter([[0, gone]])).toBe('waiting');
    expect(
      verdictAfter([
        [0, gone],
        [100, gone],
      ]),
    ).toBe('gone');
    expect(
      verdictAfter([
        [0, gone],
        [100, failed()],
        [200, gone],
      ]),
    ).toBe('waiting');
  });

  it('gives no quiet', () => {
    expect(
      stateAfter([
        [0, counted()],
        [100, gone],
      ]).quietSinceMs,
    ).toBeNull();
  });
});

describe('a time without a count', () => {
  it('lasts from the first sample that shows nothing to the first that shows something', () => {
    expect(
      stateAfter([
        [0, failed()],
        [100, failed()],
      ]).unknownSinceMs,
    ).toBe(0);
    expect(
      stateAfter([
        [0, failed()],
        [100, counted()],
      ]).unknownSinceMs,
    ).toBeNull();
    expect(
      stateAfter([
        [0, failed()],
        [100, failed(1)],
      ]).unknownSinceMs,
    ).toBeNull();
  });
});
