import { loadAddon, type NativePollLoop, type NativeTracker } from './native.ts';
import type { PollLoop, PollPlan } from './poll-plan.ts';
import type { OpenEndpoint } from './types.ts';

/** One of the addon's trackers, and its own revision as of a snapshot. */
export type TrackerAt = readonly [tracker: NativeTracker, revision: number];

/** What the loop polls to find a change of the snapshot with this revision; null if that is not the latest. */
type TrackersAt = (revision: number) => readonly TrackerAt[] | null;

// Beside the endpoints and not in them: they are part of the library.
const trackersOf = new WeakMap<OpenEndpoint, TrackersAt>();

/** Makes an endpoint one that the addon can poll by itself. */
export function looped<Open extends OpenEndpoint>(open: Open, trackers: TrackersAt): Open {
  trackersOf.set(open, trackers);
  return open;
}

/** What the loop polls of an open endpoint; null also if only JavaScript can poll it. */
export function trackersAt(open: OpenEndpoint, revision: number): readonly TrackerAt[] | null {
  return trackersOf.get(open)?.(revision) ?? null;
}

/** A loop that is started for different trackers, one after the other. */
export interface OpenPollLoop {
  readonly of: (trackers: readonly TrackerAt[]) => PollLoop;
  readonly close: () => void;
}

export function openPollLoop(): OpenPollLoop {
  let native: NativePollLoop | null = null;

  const start = (
    trackers: readonly TrackerAt[],
    { intervalMs, dueInMs, longestGapMs, sinceLastMs, seesTraffic, seesBetweenPolls }: PollPlan,
    onEnd: () => void,
  ): boolean => {
    try {
      native ??= new (loadAddon().PollLoop)();
      const times = [intervalMs, dueInMs, longestGapMs, sinceLastMs] as const;
      return native.start(trackers, ...times, seesTraffic, seesBetweenPolls, onEnd);
    } catch {
      // Polls by JavaScript give the same answers.
      return false;
    }
  };

  return {
    of: (trackers) => ({
      start: (plan, onEnd) => start(trackers, plan, onEnd),
      stop: () => native?.stop(),
      polls: () => native?.polls() ?? 0,
      lastMs: () => native?.lastMs() ?? -Infinity,
    }),
    close() {
      native?.close();
      native = null;
    },
  };
}
