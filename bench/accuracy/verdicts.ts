import { countBelow, type Recording, timeAt } from './recording.ts';
import { type Conclusion, createReplay } from './replay.ts';
import { timesOf } from './times.ts';
import type { TrueConnection } from './truth.ts';
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
    const judgements = firstLooks(recording).flatMap((poll) => {
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

function firstLooks({ fromMs }: Recording): number[] {
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

/** What a wait said, and by which looks. */
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

/** When a wait that begins then could end at the earliest, for one who knows all. */
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
