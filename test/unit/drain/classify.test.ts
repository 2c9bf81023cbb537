import { describe, expect, it } from 'vitest';
import type { Traffic } from '../../../src/backends/types.ts';
import { type ClassifyRule, classify, isIdle } from '../../../src/drain/classify.ts';
import type { TrackedConnection } from '../../../src/drain/tracked.ts';
import { client, traffic } from '../support/samples.ts';

const rule: ClassifyRule = {
  counts: () => true,
  probeGraceMs: 1000,
  quietPeriodMs: 10_000,
  ignoreSilentMs: null,
  ignoreUnreachableMs: 120_000,
};
const silentForMs = 60_000;
const none = { noneSinceMs: 0, askedMs: 55_000 };

function tcp(
  rest: Partial<TrackedConnection> = {},
  latest: Partial<Traffic> = {},
): TrackedConnection {
  return {
    key: 'k',
    connection: client('10.0.0.5:4000'),
    firstSeenMs: 0,
    isArrivalSeen: false,
    traffic: { latest: traffic(latest), silentSinceMs: 0 },
    kind: 'client',
    ...rest,
  };
}

const unix = tcp({
  connection: client('socket:[4711]', { peerAddress: null }),
  traffic: null,
});

describe('a connection', () => {
  it('is pending until the probe grace is over, if its arrival was seen', () => {
    expect(classify(tcp({ isArrivalSeen: true }), 999, rule, null)).toBe('pending');
    expect(classify(tcp({ isArrivalSeen: true }), 1000, rule, null)).toBe('client');
    expect(classify(tcp({ isArrivalSeen: false }), 0, rule, null)).toBe('client');
    const noGrace = { ...rule, probeGraceMs: 0 };
    expect(classify(tcp({ isArrivalSeen: true }), 0, noGrace, null)).toBe('client');
  });

  it('without a name may be our own request for builds, and so is pending for longer', () => {
    const nameless = { ...unix, connection: client(null), isArrivalSeen: true };
    const noGrace = { ...rule, probeGraceMs: 0 };
    expect(classify(nameless, 1400, noGrace, null)).toBe('pending');
    expect(classify(nameless, 1500, noGrace, null)).toBe('client');
  });

  it('that has never sent a byte is a health check after the grace, if the daemon names no build', () => {
    const check = tcp({}, { bytesReceived: 0 });
    expect(classify(check, 999, rule, none)).toBe('client');
    expect(classify(check, 1000, rule, none)).toBe('health-check');
    expect(classify(tcp({}, { bytesReceived: 1 }), 1000, rule, none)).toBe('client');
    expect(classify(tcp({}, { bytesReceived: null }), 1000, rule, none)).toBe('client');
  });
});

describe('where builds are unknown', () => {
  it('a new connection has a quiet period to send its first byte', () => {
    const fresh = tcp({ isArrivalSeen: true }, { bytesReceived: 0 });
    expect(classify(fresh, 9999, rule, null)).toBe('pending');
    expect(classify(fresh, 10_000, rule, null)).toBe('client');
    expect(classify(fresh, 1000, rule, none)).toBe('health-check');
  });
});

describe('a young connection', () => {
  it('on which more came than a probe sends is a client', () => {
    const young = (bytesReceived: number): TrackedConnection =>
      tcp({ isArrivalSeen: true }, { bytesReceived });
    expect(classify(young(5000), 10, rule, null)).toBe('pending');
    expect(classify(young(5001), 10, rule, null)).toBe('client');
    // The daemon would have a record of a build.
    expect(classify(young(16_384), 10, rule, none)).toBe('pending');
    expect(classify(young(16_385), 10, rule, none)).toBe('client');
  });
});

describe('a peer', () => {
  it('is unreachable when what was sent to it has not been acknowledged for the whole time', () => {
    const dead = { msSinceAcked: 120_000, unanswered: 2 };
    expect(classify(tcp({}, dead), 2000, rule, null)).toBe('unreachable');
    expect(classify(tcp({}, { ...dead, msSinceAcked: 119_999 }), 2000, rule, null)).toBe('client');
    expect(classify(tcp({}, { ...dead, msSinceAcked: null }), 2000, rule, null)).toBe('client');
  });

  it('is not unreachable if nothing was sent to it', () => {
    const quiet = { msSinceAcked: 7_000_000, unanswered: 0 };
    expect(classify(tcp({}, quiet), 2000, rule, null)).toBe('client');
    expect(classify(tcp({}, { ...quiet, unanswered: null }), 2000, rule, null)).toBe('client');
  });

  it('is a client if the option is never', () => {
    const dead = tcp({}, { msSinceAcked: 1e9, unanswered: 9 });
    expect(classify(dead, 2000, { ...rule, ignoreUnreachableMs: null }, null)).toBe('client');
  });
});

describe('a silent connection', () => {
  it('is left out when the daemon has answered, since it fell silent, that no build is running', () => {
    expect(classify(tcp(), silentForMs, rule, none)).toBe('silent');
    expect(classify(tcp(), silentForMs, rule, null)).toBe('client');
    expect(classify(tcp(), silentForMs, rule, { ...none, noneSinceMs: null })).toBe('client');
  });

  it('is not left out on an answer from before it fell silent', () => {
    const later = tcp({ traffic: { latest: traffic(), silentSinceMs: 5000 } });
    expect(classify(later, 50_000, rule, { noneSinceMs: 0, askedMs: 4999 })).toBe('client');
    expect(classify(later, 50_000, rule, { noneSinceMs: 0, askedMs: 5000 })).toBe('silent');
  });

  it('is never silent for less than 45 s, the time that a build may outlive its session', () => {
    const withOption = { ...rule, ignoreSilentMs: 1000 };
    expect(classify(tcp(), 44_999, withOption, none)).toBe('client');
    expect(classify(tcp(), 45_000, withOption, none)).toBe('silent');
    expect(isIdle(tcp(), 44_999, rule)).toBe(false);
    expect(isIdle(tcp(), 45_000, rule)).toBe(true);
  });

  it('is not counted without an answer of the daemon only if an option allows it', () => {
    const withOption = { ...rule, ignoreSilentMs: 60_000 };
    expect(classify(tcp(), 60_000, withOption, null)).toBe('silent');
    expect(classify(tcp(), 59_999, withOption, none)).toBe('client');
  });

  it('over TCP counts where its traffic is unknown', () => {
    const unknown = tcp({ traffic: null });
    expect(classify(unknown, 1e9, { ...rule, ignoreSilentMs: 60_000 }, none)).toBe('client');
  });
});

describe('a unix connection, without byte counters,', () => {
  const withOption = { ...rule, ignoreSilentMs: 60_000 };

  it('is not counted only if an option allows it and there was no build for all that time', () => {
    expect(classify(unix, 60_000, withOption, none)).toBe('silent');
    expect(classify(unix, 60_000, withOption, null)).toBe('client');
    expect(classify(unix, 60_000, withOption, { ...none, noneSinceMs: null })).toBe('client');
    expect(classify(unix, 1e9, rule, none)).toBe('client');
  });

  it('needs the answers for as long as it was there, and as long as the silence must be', () => {
    expect(classify(unix, 60_000, withOption, { noneSinceMs: 1, askedMs: 0 })).toBe('client');
    const younger = { ...unix, firstSeenMs: 1 };
    expect(classify(younger, 60_000, withOption, none)).toBe('client');
  });
});
