import { describe, expect, it } from 'vitest';
import { tcpKey, trueConnections, visibleRange } from '../../../bench/accuracy/ground-truth.ts';
import type { ClientRecord } from '../../../bench/accuracy/load.ts';
import { cpuPercentIn, matchDetections, momentsOf } from '../../../bench/accuracy/recording.ts';
import { countErrorIn, scorePhases, timesOf } from '../../../bench/accuracy/score.ts';
import { scoreVerdicts } from '../../../bench/accuracy/verdicts.ts';
import { connectionOf, perfectPolls, recordingOf } from '../support/recordings.ts';

const detector = { method: 'dump', transport: 'tcp', intervalMs: 100 } as const;

describe('what was seen, matched with the ground truth', () => {
  const connection = connectionOf(5, 10, 50, 11, 52);

  it("has the delays from the client's calls to the ends of the polls", () => {
    const { detections, falseMs } = matchDetections(
      [connection],
      recordingOf([
        [0, 1, []],
        [20, 21, [5]],
        [40, 41, [5]],
        [60, 61, []],
      ]),
    );
    expect(detections).toEqual([{ connection, arrivalMs: 21, departureMs: 61 }]);
    expect(falseMs).toEqual([]);
  });

  it('counts a detection as true while it is uncertain', () => {
    for (const at of [10.5, 51]) {
      const recording = recordingOf([[at, at, [5]]]);
      expect(matchDetections([connection], recording).falseMs).toEqual([]);
    }
  });

  it.each([
    ['before the connection opened', 9, 5],
    ['after it closed', 53, 5],
    ['of another one', 20, 6],
  ])('counts a detection %s as false', (_, at, key) => {
    const { detections, falseMs } = matchDetections(
      [connection],
      recordingOf([
        [at, at, [key]],
        [60, 60, []],
      ]),
    );
    expect(falseMs).toEqual([at]);
    expect(detections[0]?.arrivalMs).toBeNull();
  });

  it('distinguishes two connections of one port by their times', () => {
    const later = connectionOf(5, 100, 150);
    const { detections } = matchDetections(
      [connection, later],
      recordingOf([
        [20, 20, [5]],
        [60, 60, []],
        [120, 120, [5]],
      ]),
    );
    expect(detections.map(({ arrivalMs, departureMs }) => [arrivalMs, departureMs])).toEqual([
      [20, 60],
      [120, null],
    ]);
  });

  it('takes a failed poll neither for an arrival nor for a departure', () => {
    const { detections } = matchDetections(
      [connection],
      recordingOf([
        [20, 20, [5]],
        [30, 30, null],
        [40, 40, [5]],
        [60, 60, []],
      ]),
    );
    expect(detections[0]).toMatchObject({ arrivalMs: 20, departureMs: 60 });
  });

  it('detects a connection from its reported end, and none twice', () => {
    const ipv6 = { ...connectionOf(tcpKey(true, 7), 20, 30) };
    const reportedEnds = [
      { atMs: 60, peerPort: 5 },
      { atMs: 60, peerPort: 7 },
      { atMs: 61, peerPort: 5 },
      { atMs: 62, peerPort: 0 },
    ];
    const { detections, falseMs } = matchDetections(
      [connection, ipv6],
      recordingOf([[60, 60, []]], reportedEnds),
    );
    expect(detections.map(({ arrivalMs }) => arrivalMs)).toEqual([60, 60]);
    expect(falseMs).toEqual([61]);
  });
});

describe('the error of a count', () => {
  const recording = recordingOf([
    [0, 0, []],
    [15, 15, [5]],
    [35, 35, []],
  ]);

  it('is the mean difference over time', () => {
    // One too few from 10 to 15, one too many from 30 to 35, of 40.
    const { meanError, meanOpen } = countErrorIn([connectionOf(5, 10, 30)], recording, 0, 40);
    expect(meanError).toBeCloseTo(10 / 40);
    expect(meanOpen).toBeCloseTo(20 / 40);
  });

  it('is zero while it is uncertain', () => {
    const connection = connectionOf(5, 10, 30, 14, 34);
    expect(countErrorIn([connection], recording, 0, 40).meanError).toBeCloseTo(2 / 40);
  });

  it('covers only the window, and counts a connection without a key', () => {
    const nameless = recordingOf([
      [0, 0, []],
      [20, 20, [0, 0, 0]],
    ]);
    expect(countErrorIn([connectionOf(5, 0, 100)], nameless, 10, 30).meanError).toBeCloseTo(
      (1 * 10 + 2 * 10) / 20,
    );
  });

  it('is that of the last count if a poll failed', () => {
    const failed = recordingOf([
      [0, 0, [5]],
      [10, 10, null],
    ]);
    expect(countErrorIn([connectionOf(5, 0, 100)], failed, 0, 50).meanError).toBe(0);
  });
});

describe('the verdicts of waits', () => {
  const first = connectionOf(1, 1000, 2000);
  const second = connectionOf(2, 2300, 2400);
  const truth = [first, second];
  const pollsAt = (seen: typeof truth) => recordingOf(perfectPolls(seen, 100, 6000));
  // Waits begin at 0, 1000 … 5000; the one that begins at 6000 could not have ended.
  const verdictOf = (seen: typeof truth) =>
    scoreVerdicts(detector, truth, pollsAt(seen), [500], 6000);

  it('are right for a detector that sees all', () => {
    expect(verdictOf(truth)).toEqual([
      {
        ...detector,
        ...{ quietPeriodMs: 500, waits: 6, early: 0, missed: 0, unended: 0 },
        lateMs: { median: 0, p99: 0, most: 0 },
      },
    ]);
  });

  it('are early while a client is connected, and miss one that has gone', () => {
    // That of 1000 ends at 1500.
    expect(verdictOf([second])).toMatchObject([{ waits: 6, early: 1, missed: 0 }]);
    // Those of 1000 and of 2000 end at 2500, though the quiet was broken at 2300.
    expect(verdictOf([first])).toMatchObject([{ waits: 6, early: 0, missed: 2 }]);
  });

  it('are late, or never end, if a detector sees a client that does not exist', () => {
    const lingering = connectionOf(1, 1000, 2600);
    expect(verdictOf([lingering, second])).toMatchObject([
      { early: 0, missed: 0, unended: 0, lateMs: { median: 0, most: 200 } },
    ]);
    // Those of 3000, 4000 and 5000.
    expect(verdictOf([connectionOf(3, 3100, 9000)])).toMatchObject([{ unended: 3 }]);
  });

  it('are not drawn from failed polls', () => {
    const failed = recordingOf(
      perfectPolls(truth, 100, 6000).map(([from, to]) => [from, to, null]),
    );
    expect(scoreVerdicts(detector, truth, failed, [0, 500], 6000)).toMatchObject([
      { waits: 6, unended: 6, lateMs: null },
      { waits: 6, unended: 6, lateMs: null },
    ]);
  });
});

describe('the score of a phase', () => {
  it('has the share that was seen and the expected share', () => {
    const truth = [connectionOf(1, 10, 60), connectionOf(2, 250, 350), connectionOf(3, 420, 440)];
    const recording = recordingOf(
      perfectPolls(truth, 100, 600).map(([from, to, keys]) => [from, to, keys]),
    );
    const [score] = scorePhases(detector, false, recording, [
      { name: '50ms', fromMs: 0, toMs: 500, untilMs: 600, truth },
    ]);
    expect(score).toMatchObject({
      ...detector,
      ...{ lifetime: '50ms', connections: 3, seen: 1, recall: 0.33333 },
      // 50, 100 and 20 of every 100 ms.
      expectedRecall: 0.56667,
      falseDetections: 0,
      arrivalMs: { median: 50, p99: 50, most: 50 },
      departureMs: { median: 50, p99: 50, most: 50 },
      achievedMs: { median: 100, p99: 100, most: 100 },
    });
  });

  it('expects all of a method that is notified of every end', () => {
    const truth = [connectionOf(1, 10, 60)];
    const recording = recordingOf([[100, 100, []]], [{ atMs: 100, peerPort: 1 }]);
    const [score] = scorePhases(detector, true, recording, [
      { name: '50ms', fromMs: 0, toMs: 100, untilMs: 200, truth },
    ]);
    expect(score).toMatchObject({ seen: 1, recall: 1, expectedRecall: 1 });
  });

  it('counts false detections in the pause after a phase, too', () => {
    const recording = recordingOf([
      [100, 100, []],
      [150, 150, [9]],
      [180, 180, []],
      [250, 250, [9]],
      [260, 260, []],
      [270, 270, [9]],
    ]);
    const phase = { name: 'x', fromMs: 0, toMs: 110, untilMs: 200, truth: [] };
    const next = { name: 'y', fromMs: 200, toMs: 300, untilMs: 300, truth: [] };
    expect(
      scorePhases(detector, false, recording, [phase, next]).map((each) => each.falseDetections),
    ).toEqual([1, 2]);
  });
});

describe('what both ends recorded', () => {
  const client: ClientRecord = {
    ...{ id: 1, family: 'tcp6' as const, name: 5000, openFromMs: 10, openToMs: 13 },
    ...{ closeFromMs: 20, closeToMs: 20.1, error: null },
  };
  const server = { id: 1, inode: 0, acceptedMs: 12, closedMs: 21 };

  it('bounds the moments at which a connection began and ended', () => {
    expect(trueConnections([client], [server])).toEqual([
      {
        ...{ transport: 'tcp', keys: [tcpKey(true, 5000)], openFromMs: 10, openToMs: 12 },
        ...{ closeFromMs: 20, closeToMs: 21 },
      },
    ]);
  });

  it('knows a unix connection by the inodes of both its ends', () => {
    const [connection] = trueConnections(
      [{ ...client, family: 'unix', name: 77 }],
      [{ ...server, inode: 78 }],
    );
    expect(connection).toMatchObject({ transport: 'unix', keys: [77, 78] });
    // The daemon's end stays until it is closed, too.
    expect(connection && visibleRange(connection)).toEqual({ leastMs: 8, mostMs: 11 });
  });

  it('leaves out what could not be connected', () => {
    expect(trueConnections([{ ...client, error: 'ECONNREFUSED' }], [])).toEqual([]);
  });
});

describe('what a recording says', () => {
  it('has the CPU of a window in percent of a core', () => {
    const cpu = [0, 100, 200, 300].map((atMs) => ({ atMs, cpuMs: atMs / 50 }));
    expect(cpuPercentIn(cpu, 50, 250)).toBeCloseTo(2);
    expect(cpuPercentIn(cpu, 120, 150)).toBeNull();
  });

  it('has the moment of a poll somewhere within it', () => {
    const moments = momentsOf(recordingOf(Array.from({ length: 100 }, (_, i) => [i, i + 1, []])));
    const shares = moments.map((moment, result) => moment - result);
    expect(Math.min(...shares)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...shares)).toBeLessThan(1);
    expect(shares.filter((share) => share < 0.5).length).toBeCloseTo(50, -1);
  });
});

describe('timesOf', () => {
  it('has the median, the 99th percentile and the maximum', () => {
    const values = Array.from({ length: 200 }, (_, index) => 200 - index);
    expect(timesOf(values)).toEqual({ median: 100, p99: 198, most: 200 });
    expect(timesOf([3])).toEqual({ median: 3, p99: 3, most: 3 });
    expect(timesOf([])).toBeNull();
  });
});
