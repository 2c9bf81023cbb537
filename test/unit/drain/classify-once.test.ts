import { describe, expect, it } from 'vitest';
import type { Traffic } from '../../../src/backends/types.ts';
import { classifiedAtMs, classifyOnce } from '../../../src/drain/classify-all.ts';
import type { ConnectionKind } from '../../../src/drain/tracked.ts';
import { knownAge, knownSilenceMs } from '../../../src/drain/tracked.ts';
import { client } from '../support/samples.ts';

const rule = {
  counts: () => true,
  probeGraceMs: 1000,
  quietPeriodMs: 0,
  ignoreSilentMs: null,
  ignoreUnreachableMs: 120_000,
};
const busy: Traffic = {
  bytesReceived: 1180,
  bytesAcked: 870,
  msSinceReceived: 4000,
  msSinceSent: 2000,
  msSinceAcked: 9000,
  unanswered: 0,
};

function seen(traffic: Partial<Traffic> | null, answersNone = false) {
  const connection = client('10.0.0.5:43210');
  const known = new Map(traffic === null ? [] : [[connection, { ...busy, ...traffic }]]);
  const [entry] = classifyOnce([connection], known, rule, answersNone);
  if (entry === undefined) {
    throw new Error('expected an entry');
  }
  return {
    kind: entry.kind,
    age: knownAge(entry, classifiedAtMs),
    silenceMs: knownSilenceMs(entry, classifiedAtMs),
  };
}

describe('a single poll', () => {
  it('knows the least age and the least silence of a connection', () => {
    expect(seen({})).toEqual({
      kind: 'client',
      age: { ms: 9000, isExact: false },
      silenceMs: 2000,
    });
  });

  it('knows the age of a peer that has sent nothing', () => {
    const mute = { bytesReceived: 0, msSinceReceived: 900, msSinceSent: 900, msSinceAcked: 100 };
    expect(seen(mute)).toMatchObject({ kind: 'pending', age: { ms: 900, isExact: true } });
    const old = { ...mute, msSinceReceived: 1000 };
    expect(seen(old)).toMatchObject({ kind: 'client', age: { ms: 1000, isExact: true } });
    expect(seen(old, true)).toMatchObject({ kind: 'health-check' });
  });

  it('knows nothing where the kernel reports nothing', () => {
    expect(seen(null)).toEqual({ kind: 'client', age: null, silenceMs: null });
    const noTimes = { msSinceReceived: null, msSinceSent: null, msSinceAcked: null };
    expect(seen(noTimes)).toEqual({ kind: 'client', age: null, silenceMs: null });
    expect(seen({ msSinceSent: null })).toMatchObject({ silenceMs: null });
    // What an older kernel does not count is no zero.
    expect(seen({ ...noTimes, bytesReceived: null })).toMatchObject({ kind: 'client' });
  });

  it.each<[ConnectionKind, Partial<Traffic>, boolean]>([
    ['unreachable', { unanswered: 1, msSinceAcked: 120_000 }, false],
    ['client', { unanswered: 0, msSinceAcked: 120_000 }, false],
    ['client', { unanswered: 1, msSinceAcked: 119_999 }, false],
    ['silent', { msSinceReceived: 45_000, msSinceSent: 45_000 }, true],
    ['client', { msSinceReceived: 45_000, msSinceSent: 45_000 }, false],
    ['client', { msSinceReceived: 45_000, msSinceSent: 44_999 }, true],
  ])('takes for %s, by %o and the daemon answering none: %s', (kind, traffic, answersNone) => {
    expect(seen(traffic, answersNone)).toMatchObject({ kind });
  });
});
