import type { PollLoop, PollPlan } from '../../../src/backends/poll-plan.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** What a poll of the addon's loop compares, now. */
interface Compared {
  readonly isUnchanged: () => boolean;
  readonly hasTrafficMoved: () => boolean;
}

/** The addon's loop in virtual time. */
export function virtualLoop(
  clock: VirtualClock,
  { isUnchanged, hasTrafficMoved }: Compared,
): PollLoop {
  let polls = 0;
  let lastMs = 0;

  const start = ({
    intervalMs,
    dueInMs,
    longestGapMs,
    sinceLastMs,
    seesTraffic,
  }: PollPlan): boolean => {
    const startedMs = clock.now();
    [polls, lastMs] = [0, -sinceLastMs];
    clock.tick(intervalMs, () => {
      const begunMs = clock.now() - startedMs;
      const isLate = begunMs >= dueInMs || begunMs - lastMs > longestGapMs;
      if (isLate || !isUnchanged() || (seesTraffic && hasTrafficMoved())) {
        return true;
      }
      polls += 1;
      lastMs = begunMs;
      return false;
    });
    return true;
  };

  return { start, stop: () => {}, polls: () => polls, lastMs: () => lastMs };
}
