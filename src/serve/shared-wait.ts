/** How a wait ended, or why it failed. */
type WaitResult<End> =
  | { readonly kind: 'ended'; readonly end: End }
  | { readonly kind: 'failed'; readonly error: unknown };

/** One wait at a time, for any number of callers. */
export interface SharedWait<End> {
  /**
   * Calls back at the end of the wait under way, or of one that begins now. The wait goes on without
   * callers that leave.
   *
   * @returns a function that leaves.
   */
  readonly join: (caller: (result: WaitResult<End>) => void) => () => void;
  readonly isUnderWay: () => boolean;
  /** Resolves when no wait is under way and all callers have been called. */
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
  let onBegin: (() => void)[] = [];

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
    for (const callback of onBegin) {
      callback();
    }
    onBegin = [];
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
    begun: () => new Promise((resolve) => onBegin.push(resolve)),
    interrupt: (reason) => current?.stop.abort(reason),
  };
}
