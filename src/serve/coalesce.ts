/** Looks for many callers: each gets one that began after its call. */
export interface SharedLooks<Seen> {
  readonly result: () => Promise<Seen>;
  /** Resolves one pause after the running poll, if there is one. */
  readonly settled: () => Promise<void>;
}

/**
 * One poll at a time, and a pause after each. Calls in between share the next one. However many
 * call, looking takes no more than a part of the time.
 *
 * @param pause resolves when the pause after a poll is over.
 */
export function coalesce<Seen>(
  result: () => Promise<Seen>,
  pause: () => Promise<void>,
): SharedLooks<Seen> {
  let settled: Promise<void> = Promise.resolve();
  let next: Promise<Seen> | null = null;

  const begin = async (): Promise<Seen> => {
    await settled;
    next = null;
    const seen = result();
    settled = seen.then(pause, pause);
    return seen;
  };

  return {
    result() {
      next ??= begin();
      return next;
    },
    settled: () => settled,
  };
}
