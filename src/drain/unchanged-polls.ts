import type { Sampler } from '../backends/types.ts';
import type { Clock } from './clock.ts';

/** Polls that are to find no change. All times are in milliseconds, on the clock. */
export interface UnchangedPlan {
  readonly intervalMs: number;
  /** From when on a full poll is due in any case. */
  readonly untilMs: number;
  /** After a longer gap between two polls, a full one has to judge it. */
  readonly longestGapMs: number;
  /** When the poll before began. */
  readonly lastMs: number;
  /** Whether traffic is a change as well. */
  readonly seesTraffic: boolean;
  /** Tells of connections that came and went unseen, where those are a change as well. */
  readonly seenBetweenPolls?: () => number;
}

export interface UnchangedPolls {
  /** How many found no change. */
  readonly polls: number;
  /** When the last of them began, or else the poll before them. */
  readonly lastMs: number;
}

/**
 * Polls at the interval until a full poll is due, or the clock is woken. The addon polls where it can.
 *
 * @returns null, at once, if only the addon could see such changes, and it can't poll here.
 */
export async function pollWhileUnchanged(
  clock: Clock,
  sampler: Sampler,
  plan: UnchangedPlan,
): Promise<UnchangedPolls | null> {
  const { intervalMs, untilMs, longestGapMs, lastMs, seesTraffic, seenBetweenPolls } = plan;
  const startedMs = clock.now();
  const loop = sampler.loop();
  const isStarted = loop?.start(
    {
      ...{
        intervalMs,
        longestGapMs,
        seesTraffic,
        seesBetweenPolls: seenBetweenPolls !== undefined,
      },
      dueInMs: Math.max(0, untilMs - startedMs),
      sinceLastMs: Math.max(0, startedMs - lastMs),
    },
    () => clock.wake(),
  );
  if (loop && isStarted) {
    await clock.untilWoken();
    loop.stop();
    const polls = loop.polls();
    return { polls, lastMs: polls > 0 ? startedMs + loop.lastMs() : lastMs };
  }
  return seesTraffic ? null : pollInJavaScript(clock, sampler, plan);
}

async function pollInJavaScript(
  clock: Clock,
  sampler: Sampler,
  { intervalMs, untilMs, longestGapMs, lastMs, seenBetweenPolls = () => 0 }: UnchangedPlan,
): Promise<UnchangedPolls> {
  const seen = seenBetweenPolls();
  let latest: UnchangedPolls = { polls: 0, lastMs };
  await clock.repeat(intervalMs, () => {
    const nowMs = clock.now();
    const isOver = nowMs >= untilMs || nowMs - latest.lastMs > longestGapMs;
    if (isOver || !sampler.isUnchanged() || seenBetweenPolls() !== seen) {
      return true;
    }
    latest = { polls: latest.polls + 1, lastMs: nowMs };
    return false;
  });
  return latest;
}
