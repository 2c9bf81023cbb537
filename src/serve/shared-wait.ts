/** How the wait ended, or why it failed. */
type WaitResult<End> =
  | { readonly kind: 'ended'; readonly end: End }
  | { readonly kind: 'failed'; readonly error: unknown };

/** One wait at a time, for any number of callers. */
export interface SharedWait<End> {
  /**
   * Calls back at the end of the running wait, or of one that starts now. A caller that leaves is not called, and the wait
   * goes on.
   *
   * @returns the function to leave by.
   */
  readonly join: (caller: (result: WaitResult<End>) => void) => () => void;
  readonly isUnderWay: () => boolean;
  /** Resolves when no wait is under way, all callers having been called. */
  readonly over: () => Promise<void>;
  /** Resolves when the next wait begins. */
  readonly begun: () => Promise<void>;
  /** Ends the wait under way, if there is one. */
  readonly interrupt: (reason: unknown) => void;
}

interface UnderWay<End> {
  readonly callers: Set<(result: WaitResult<End>) => void>;
  readonly stop: AbortController;
  readonly over: Promise<void>;
}

/** @param wait does one wait, until its end or until the signal is raised. */
export function createSharedWait<End>(
  wait: (signal: AbortSignal) => Promise<End>,
): SharedWait<End> {
  let current: UnderWay<End> | null = null;
  let tellBegun: (() => void)[] = [];

  const begin = (): UnderWay<End> => {
    const callers: UnderWay<End>['callers'] = new Set();
    const stop = new AbortController();
    const end = (result: WaitResult<End>): void => {
      current = null;
      for (const caller of callers) {
        caller(result);
      }
    };
    const over = wait(stop.signal).then(
      (value) => end({ kind: 'ended', end: value }),
      (error: unknown) => end({ kind: 'failed', error }),
    );
    for (const tell of tellBegun) {
      tell();
    }
    tellBegun = [];
    return { callers, stop, over };
  };

  return {
    join(caller) {
      current ??= begin();
      const { callers } = current;
      callers.add(caller);
      return () => callers.delete(caller);
    },
    isUnderWay: () => current !== null,
    over: () => current?.over ?? Promise.resolve(),
    begun: () => new Promise((resolve) => tellBegun.push(resolve)),
    interrupt: (reason) => current?.stop.abort(reason),
  };
}
