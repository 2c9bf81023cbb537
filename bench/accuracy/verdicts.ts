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

/** A stretch of time in which somebody was certainly connected. */
interface Busy {
  readonly fromMs: number;
  readonly toMs: number;
}

type Judgement = 'early' | 'hasty' | 'unended' | { readonly lateMs: number };

/**
 * Lets waits begin at one moment of each second, and judges what each concludes. Of those that even
 * a faultless observer could not have ended, nothing can be said.
 *
 * @param truth connections of the detector's transport.
 * @param toMs the end of what was watched.
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
      return idealMs > latestMs ? [] : [judge(busy, truth, idealMs, said(recording, replay(poll)))];
    });
    const count = (kind: Judgement): number => judgements.filter((each) => each === kind).length;
    return {
      ...detector,
      quietPeriodMs,
      waits: judgements.length,
      ...{ early: count('early'), hasty: count('hasty'), unended: count('unended') },
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

/** What a wait said, and by which polls. */
interface Said {
  readonly quietSinceMs: number;
  readonly fromMs: number;
  readonly toMs: number;
}

function said({ fromMs, toMs }: Recording, end: Conclusion | null): Said | null {
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
  end: Said | null,
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
  return wasOpen ? 'hasty' : { lateMs: toMs - idealMs };
}

/** When a wait that begins then could end at the earliest, with full knowledge. */
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

// This file alone knows how a wait draws its conclusions: those of one that takes every connection
// for a client and does not ask the daemon for its builds.

/** The end of a wait: it was drained at this poll, after a quiet since that one's end. */
interface Conclusion {
  readonly poll: number;
  readonly quietSinceMs: number;
}

/** What a wait with the given quiet period concludes that begins with the given poll. */
type Replay = (firstPoll: number) => Conclusion | null;

// As src/drain/drain.ts has it.
const usualDelayMs = 1000;
const pollFailed = new BackendError('ERR_POLL', 'poll', 'a poll that failed');

/** Replays waits over what a detector has seen, each from another poll on. */
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
  // After a poll that was not quiet, it is as if the wait began with the next one: what comes of it
  // has to be found out once.
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

/** How many connections each poll showed; null where it failed. */
function countsOf({ changes, fromMs }: Recording): (number | null)[] {
  return changes.flatMap(({ poll, keys }, index) => {
    const next = changes[index + 1]?.poll ?? fromMs.length;
    return Array<number | null>(next - poll).fill(keys?.length ?? null);
  });
}
