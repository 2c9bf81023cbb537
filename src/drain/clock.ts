/** Time as the wait sees it: it only goes forward, whatever is done to the wall clock. */
export interface Clock {
  /** Milliseconds since some fixed moment. */
  now(): number;
  /** Resolves after the time, or when it is woken. One sleep at a time. */
  sleep(durationMs: number): Promise<void>;
  /** Ends the sleep that is going on, if there is one. */
  wake(): void;
}

/** A clock for one wait. */
export function createMonotonicClock(): Clock {
  let timer: NodeJS.Timeout | undefined;
  let end = (): void => {};
  return {
    now: () => performance.now(),
    sleep: (durationMs) =>
      new Promise((resolve) => {
        end = resolve;
        // Node's timers count whole milliseconds: rounded down, the loop would wake too early.
        timer = setTimeout(resolve, Math.ceil(durationMs));
      }),
    wake() {
      clearTimeout(timer);
      end();
    },
  };
}
