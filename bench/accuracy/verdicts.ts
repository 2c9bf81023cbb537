import { BackendError } from '../../src/backends/types.ts';
import {
  beginQuiet,
  observe,
  type QuietRule,
  type Reading,
  verdict,
} from '../../src/drain/quiet-period.ts';
import type { TrueConnection } from './ground-truth.ts';
import { countBelow, type Recording, timeAt } from './recording.ts';
import { timesOf } from './score.ts';
import type { Detector, VerdictScore } from './types.ts';

const waitEveryMs = 1000;

/** A stretch of time in which a client was certainly connected. */
interface Busy {
  readonly fromMs: number;
  readonly toMs: number;
}

type Judgement = 'early' | 'missed' | 'unended' | { readonly lateMs: number };

/**
 * Replays a wait from each second on, and judges its verdict. Waits that could not have ended even with
 * full knowledge are left out.
 *
 * @param truth connections of the detector's transport.
 * @param toMs the end of the recording.
 */
export function scoreVerdicts(
  detector: Detector,
  truth: readonly TrueConnection[],
  recording: Recording,
  quietPeriodsMs: readonly number[],
  toMs: number,
): VerdictScore[] {
  const busy = busyStretches(truth);
  const latestMs = toMs - 2 * detector.intervalMs;
  return quietPeriodsMs.map((quietPeriodMs) => {
    const replay = createReplay(recording, detector.intervalMs, quietPeriodMs);
    const judgements = firstPolls(recording).flatMap((poll) => {
      const idealMs = earliestEnd(busy, timeAt(recording.fromMs, poll), quietPeriodMs);
      return idealMs > latestMs
        ? []
        : [judge(busy, truth, idealMs, waitEndOf(recording, replay(poll)))];
    });
    const count = (kind: Judgement): number => judgements.filter((each) => each === kind).length;
    return {
      ...detector,
      quietPeriodMs,
      waits: judgements.length,
      ...{ early: count('early'), missed: count('missed'), unended: count('unended') },
      lateMs: timesOf(
        judgements.flatMap((each) => (typeof each === 'string' ? [] : [each.lateMs])),
      ),
    };
  });
}

function firstPolls({ fromMs }: Recording): number[] {
  const first = fromMs[0];
  const last = fromMs.at(-1);
  if (first === undefined || last === undefined) {
    return [];
  }
  const begins = Array.from(
    { length: Math.floor((last - first) / waitEveryMs) + 1 },
    (_, index) => first + index * waitEveryMs,
  );
  return begins.map((atMs) => countBelow(fromMs, atMs));
}

/** When a wait ended, and since when it saw no client. */
interface WaitEnd {
  readonly quietSinceMs: number;
  readonly fromMs: number;
  readonly toMs: number;
}

function waitEndOf({ fromMs, toMs }: Recording, end: Conclusion | null): WaitEnd | null {
  return end === null
    ? null
    : {
        quietSinceMs: end.quietSinceMs,
        fromMs: timeAt(fromMs, end.poll),
        toMs: timeAt(toMs, end.poll),
      };
}

function judge(
  busy: readonly Busy[],
  truth: readonly TrueConnection[],
  idealMs: number,
  end: WaitEnd | null,
): Judgement {
  if (end === null) {
    return 'unended';
  }
  const { quietSinceMs, fromMs, toMs } = end;
  const isOpen = truth.some(
    ({ openToMs, closeFromMs }) => openToMs <= fromMs && closeFromMs >= toMs,
  );
  if (isOpen) {
    return 'early';
  }
  const wasOpen = busy.some((each) => each.fromMs < fromMs && each.toMs > quietSinceMs);
  return wasOpen ? 'missed' : { lateMs: toMs - idealMs };
}

/** The earliest end, with full knowledge, of a wait that begins at this moment. */
function earliestEnd(busy: readonly Busy[], beginMs: number, quietPeriodMs: number): number {
  let quietSinceMs = beginMs;
  for (const { fromMs, toMs } of busy) {
    if (toMs > quietSinceMs) {
      if (fromMs >= quietSinceMs + quietPeriodMs) {
        break;
      }
      quietSinceMs = toMs;
    }
  }
  return quietSinceMs + quietPeriodMs;
}

function busyStretches(truth: readonly TrueConnection[]): Busy[] {
  const stretches: { fromMs: number; toMs: number }[] = [];
  const certain = truth
    .map(({ openToMs, closeFromMs }) => ({ fromMs: openToMs, toMs: closeFromMs }))
    .filter(({ fromMs, toMs }) => toMs > fromMs)
    .toSorted((one, other) => one.fromMs - other.fromMs);
  for (const each of certain) {
    const last = stretches.at(-1);
    if (last === undefined || each.fromMs > last.toMs) {
      stretches.push(each);
    } else {
      last.toMs = Math.max(last.toMs, each.toMs);
    }
  }
  return stretches;
}

// The replay uses the rule of `wait`, with every connection counted as a client and builds off.

/** A wait was drained at this poll, and had seen no client since. */
interface Conclusion {
  readonly poll: number;
  readonly quietSinceMs: number;
}

/** The conclusion of a wait that begins with the given poll; null if it never ended. */
type Replay = (firstPoll: number) => Conclusion | null;

// The same as in src/drain/drain.ts.
const usualDelayMs = 1000;
const pollFailed = new BackendError('ERR_POLL', 'poll', 'the poll failed');

/** Replays waits on a recording, each from a different poll on. */
function createReplay(recording: Recording, intervalMs: number, quietPeriodMs: number): Replay {
  const { fromMs, toMs } = recording;
  const counts = countsOf(recording);
  const rule: QuietRule = {
    quietPeriodMs,
    minWaitMs: 0,
    maxConnections: 0,
    maxGapMs: Math.max(2 * intervalMs, Math.min(usualDelayMs, quietPeriodMs / 2)),
  };
  const readingOf = (poll: number): Reading => {
    const clients = counts[poll] ?? null;
    const times = { fromMs: timeAt(fromMs, poll), toMs: timeAt(toMs, poll) };
    return clients === null
      ? { kind: 'failed', error: pollFailed, seen: 0, ...times }
      : {
          kind: 'counted',
          clients,
          pending: 0,
          builds: 'none',
          ...{ maybeOwn: 0, askedMs: null, endedMs: null },
          ...times,
        };
  };
  // After a poll that saw a client, a wait is in the same state as one that begins with the next poll,
  // so the conclusion from there on is computed once.
  const ends = new Map<number, Conclusion | null>();

  return (firstPoll) => {
    const passed: number[] = [];
    let state = beginQuiet(timeAt(fromMs, firstPoll));
    let end: Conclusion | null | undefined;
    for (let poll = firstPoll; end === undefined && poll < fromMs.length; poll += 1) {
      state = observe(state, readingOf(poll), rule);
      if (verdict(state, rule) === 'drained') {
        end = { poll, quietSinceMs: state.quietSinceMs ?? Number.NaN };
      } else if (state.quietSinceMs === null) {
        end = ends.get(poll);
        passed.push(poll);
      }
    }
    for (const poll of passed) {
      ends.set(poll, end ?? null);
    }
    return end ?? null;
  };
}

/** The number of connections in each poll; null if it failed. */
function countsOf({ changes, fromMs }: Recording): (number | null)[] {
  return changes.flatMap(({ poll, keys }, index) => {
    const next = changes[index + 1]?.poll ?? fromMs.length;
    return Array<number | null>(next - poll).fill(keys?.length ?? null);
  });
}
