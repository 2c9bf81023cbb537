import type { Load } from '../drain/load.ts';

/** A histogram over moments, one for each second that was watched. */
export interface MomentHistogram {
  /** How many moments had up to so many seconds to go, by the upper bounds. */
  readonly buckets: readonly { readonly upToSeconds: number; readonly moments: number }[];
  readonly moments: number;
  /** The sum of the seconds that the moments had to go. */
  readonly sumSeconds: number;
}

/** How long a drain begun at a moment would have had to wait for clients and builds, by time. */
export interface TimeToIdle {
  /** Takes note of the load from this time on, in milliseconds. */
  readonly update: (load: Load, nowMs: number) => void;
  /**
   * The histogram so far. No number in it ever falls.
   *
   * @param isDraining whether the process may end before a stretch that lasts now is over.
   */
  readonly read: (nowMs: number, isDraining: boolean) => MomentHistogram;
}

export const bucketSeconds = [0, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400] as const;

/** A time without a break of a quiet period, begun by a client or a build. */
interface Stretch {
  readonly sinceMs: number;
  /** Since when there have been no clients and no builds; null while there are some. */
  quietSinceMs: number | null;
  /** How long it had lasted when it was last counted as if it ended at that moment. */
  settledMs: number;
}

/**
 * In a stretch of length L, the moments with up to b to go are its last min(L, b): so nothing needs to be
 * kept of it but its begin. Until its end is known, all its moments are counted, and none of them in
 * any bucket: later the buckets grow, and until then quantiles are too high rather than too low.
 *
 * In a drain that would be lost with the process. There a stretch is counted as if it ended at each
 * reading: it adds min(e, b) after the time e, which never is more than what it adds in the end.
 */
export function createTimeToIdle(quietPeriodMs: number): TimeToIdle {
  const bucketMs = bucketSeconds.map((seconds) => seconds * 1000);
  let endedMs: readonly number[] = bucketMs.map(() => 0);
  let watchedMs = 0;
  /** In square milliseconds. */
  let sum = 0;
  let stretch: Stretch | null = null;
  /** Up to when idle time has been added; null while there is no daemon, or a stretch. */
  let idleFromMs: number | null = null;

  const addIdle = (durationMs: number): void => {
    endedMs = endedMs.map((ms) => ms + durationMs);
    watchedMs += durationMs;
  };

  const endStretch = ({ sinceMs }: Stretch, atMs: number): void => {
    const lengthMs = atMs - sinceMs;
    endedMs = endedMs.map((ms, index) => ms + Math.min(lengthMs, bucketMs[index] ?? 0));
    watchedMs += lengthMs;
    sum += lengthMs ** 2 / 2;
    stretch = null;
  };

  const advance = (nowMs: number): void => {
    const quietSinceMs = stretch?.quietSinceMs ?? null;
    if (stretch !== null && quietSinceMs !== null && nowMs - quietSinceMs >= quietPeriodMs) {
      endStretch(stretch, quietSinceMs);
      idleFromMs = quietSinceMs;
    }
    if (idleFromMs !== null) {
      addIdle(nowMs - idleFromMs);
      idleFromMs = nowMs;
    }
  };

  const leave = (nowMs: number): void => {
    if (stretch !== null) {
      const endMs = stretch.quietSinceMs ?? nowMs;
      endStretch(stretch, endMs);
      addIdle(nowMs - endMs);
    }
    idleFromMs = null;
  };

  return {
    update(load, nowMs) {
      advance(nowMs);
      if (load === 'absent') {
        leave(nowMs);
      } else if (load === 'idle') {
        if (stretch === null) {
          idleFromMs = nowMs;
        } else {
          stretch.quietSinceMs ??= nowMs;
        }
      } else {
        stretch ??= { sinceMs: nowMs, quietSinceMs: null, settledMs: 0 };
        stretch.quietSinceMs = null;
        idleFromMs = null;
      }
    },
    read(nowMs, isDraining) {
      advance(nowMs);
      const lastedMs = stretch === null ? 0 : nowMs - stretch.sinceMs;
      if (stretch !== null && isDraining) {
        stretch.settledMs = lastedMs;
      }
      const settledMs = stretch?.settledMs ?? 0;
      const busyMs = stretch === null ? 0 : (stretch.quietSinceMs ?? nowMs) - stretch.sinceMs;
      return {
        buckets: bucketSeconds.map((upToSeconds, index) => ({
          upToSeconds,
          moments: toMoments((endedMs[index] ?? 0) + Math.min(settledMs, bucketMs[index] ?? 0)),
        })),
        moments: toMoments(watchedMs + lastedMs),
        sumSeconds: (sum + busyMs ** 2 / 2) / 1e6,
      };
    },
  };
}

// OpenMetrics has whole numbers in buckets.
function toMoments(ms: number): number {
  return Math.floor(ms / 1000);
}
