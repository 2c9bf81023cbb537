import { BackendError } from '../../src/backends/types.ts';
import {
  beginQuiet,
  observe,
  type QuietRule,
  type Reading,
  verdict,
} from '../../src/drain/quiet-period.ts';
import { type Recording, timeAt } from './recording.ts';

// This file alone knows how a wait draws its conclusions: those of one that takes every connection
// for a client and does not ask the daemon for its builds.

/** The end of a wait: it was drained at this look, after a quiet since that one's end. */
export interface Conclusion {
  readonly poll: number;
  readonly quietSinceMs: number;
}

/** What a wait with the given quiet period concludes that begins with the given look. */
export type Replay = (firstLook: number) => Conclusion | null;

// As src/drain/drain.ts has it.
const usualDelayMs = 1000;
const lookFailed = new BackendError('ERR_LOOK', 'look', 'a look that failed');

/** Replays waits over what a detector has seen, each from another look on. */
export function createReplay(
  recording: Recording,
  intervalMs: number,
  quietPeriodMs: number,
): Replay {
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
      ? { kind: 'failed', error: lookFailed, seen: 0, ...times }
      : {
          kind: 'counted',
          clients,
          pending: 0,
          builds: 'none',
          ...{ maybeOwn: 0, askedMs: null, endedMs: null },
          ...times,
        };
  };
  // After a look that was not quiet, it is as if the wait began with the next one: what comes of it
  // has to be found out once.
  const ends = new Map<number, Conclusion | null>();

  return (firstLook) => {
    const passed: number[] = [];
    let state = beginQuiet(timeAt(fromMs, firstLook));
    let end: Conclusion | null | undefined;
    for (let poll = firstLook; end === undefined && poll < fromMs.length; poll += 1) {
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

/** How many connections each look showed; null where it failed. */
function countsOf({ changes, fromMs }: Recording): (number | null)[] {
  return changes.flatMap(({ poll, keys }, index) => {
    const next = changes[index + 1]?.poll ?? fromMs.length;
    return Array<number | null>(next - poll).fill(keys?.length ?? null);
  });
}
