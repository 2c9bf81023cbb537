import type { BackendError, Sample } from '../backends/types.ts';
import type { BuildsAnswer } from '../builds/types.ts';
import type { TrackedConnection, TrackedConnections } from '../drain/tracked.ts';

/** How things stand after a look. */
export interface WatchStatus {
  /** The moment, on the clock that the roster's times are of. */
  readonly nowMs: number;
  readonly sample: Sample;
  /** The connections that were seen, those of this program left out. */
  readonly tracked: TrackedConnections;
  /** What the daemon last said of its builds; null where it has not been asked. */
  readonly builds: BuildsAnswer | null;
  /** Connections that came and went between two looks up to now: at least so many. */
  readonly seenBetweenPolls: number;
}

/** What has changed from one look to the next, or in between. */
export type WatchEvent =
  | { readonly kind: 'started' }
  | {
      readonly kind: 'changed';
      readonly arrived: TrackedConnections;
      readonly left: TrackedConnections;
    }
  /**
   * A connection is taken for no client, its standing telling why, or is again taken for one; or it is
   * no longer too new to be told from a probe.
   */
  | {
      readonly kind: 'not-counted' | 'counted-again' | 'counted';
      readonly entry: TrackedConnection;
    }
  | { readonly kind: 'between-looks'; readonly more: number }
  | { readonly kind: 'builds'; readonly answer: BuildsAnswer }
  | { readonly kind: 'count-failed'; readonly error: BackendError }
  | { readonly kind: 'count-recovered' | 'gone' | 'back' };
