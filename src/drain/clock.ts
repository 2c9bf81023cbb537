import { setTimeout as delay } from 'node:timers/promises';

/** Time as the wait sees it: it only goes forward, whatever is done to the wall clock. */
export interface Clock {
  /** Milliseconds since some fixed moment. */
  now(): number;
  /** Resolves after the time, or at once when the signal is raised. Never rejects. */
  sleep(durationMs: number, signal: AbortSignal): Promise<void>;
}

export const monotonicClock: Clock = {
  now: () => performance.now(),
  async sleep(durationMs, signal) {
    try {
      // Node's timers count whole milliseconds: rounded down, the loop would wake too early.
      await delay(Math.ceil(durationMs), undefined, { signal });
    } catch (error) {
      if (!signal.aborted) {
        throw error;
      }
    }
  },
};
