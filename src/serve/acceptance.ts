import type { BackendError } from '../backends/types.ts';

/** Whether new clients should come here. */
export interface Acceptance {
  /**
   * Why not: a wait of this process is under way, another process shows that it drains the daemon, or
   * one of the two was so a moment ago, and the daemon is about to be stopped. Null if they should.
   */
  readonly reason: 'wait' | 'drain-marker' | 'recent-drain' | null;
  /** Why the drains of other processes can't be seen. */
  readonly error: BackendError | null;
}

export interface AcceptanceInput {
  readonly now: () => number;
  readonly isWaiting: () => boolean;
  /** Whether another process drains the daemon. @throws BackendError */
  readonly hasMarker: () => boolean;
}

/** A hook that is over lets the daemon be stopped: it must not look as good as new until then. */
const recentMs = 60_000;

// Requests must not cost a search each.
const searchEveryMs = 100;

/** Makes the function that says whether new clients should come. To be called at the end of a wait, too. */
export function createAcceptance({ now, isWaiting, hasMarker }: AcceptanceInput): () => Acceptance {
  let drainedMs = Number.NEGATIVE_INFINITY;
  let searchedMs = Number.NEGATIVE_INFINITY;
  let isMarked = false;
  let error: BackendError | null = null;

  const search = (): void => {
    searchedMs = now();
    try {
      isMarked = hasMarker();
      error = null;
    } catch (cause) {
      isMarked = false;
      error = cause as BackendError;
    }
  };

  return () => {
    if (now() - searchedMs >= searchEveryMs) {
      search();
    }
    const isDraining = isWaiting() || isMarked;
    if (isDraining) {
      drainedMs = now();
      return { reason: isWaiting() ? 'wait' : 'drain-marker', error };
    }
    return { reason: now() - drainedMs < recentMs ? 'recent-drain' : null, error };
  };
}
