/** A wait's time: it only goes forward, however the wall clock is set. */
export interface Clock {
  /** Milliseconds since some fixed moment. */
  now(): number;
  /** Milliseconds since the epoch, by a wall clock that may be set at any time. */
  wall(): number;
  /** Resolves after the time, or when it is woken. One sleep, repetition or other pause at a time. */
  sleep(durationMs: number): Promise<void>;
  /** Calls back each time the interval has passed. Resolves when that returns true, or when woken. */
  repeat(intervalMs: number, isDone: () => boolean): Promise<void>;
  /** Resolves when it is woken. */
  untilWoken(): Promise<void>;
  /** Ends the pause under way, if there is one. */
  wake(): void;
}

/** A clock for one wait. */
export function createMonotonicClock(): Clock {
  let timer: NodeJS.Timeout | undefined;
  let end = (): void => {};
  const wake = (): void => {
    clearTimeout(timer);
    end();
  };
  return {
    now: () => performance.now(),
    wall: () => Date.now(),
    sleep: (durationMs) =>
      new Promise((resolve) => {
        end = resolve;
        // Node's timers count whole milliseconds: rounded down, the loop would wake too early.
        timer = setTimeout(resolve, Math.ceil(durationMs));
      }),
    repeat: (intervalMs, isDone) =>
      new Promise((resolve) => {
        end = resolve;
        // Without a promise and a new timer for each: most polls of a wait are made here.
        timer = setInterval(() => {
          if (isDone()) {
            wake();
          }
        }, intervalMs);
      }),
    untilWoken: () =>
      new Promise((resolve) => {
        end = resolve;
      }),
    wake,
  };
}
