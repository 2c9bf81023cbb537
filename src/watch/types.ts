import type { InspectError, Sample } from '../backends/types.ts';
import type { BuildsAnswer } from '../builds/types.ts';
import type { Roster, RosterEntry } from '../drain/tracked.ts';

/** How things stand after a look. */
export interface Scene {
  /** The moment, on the clock that the roster's times are of. */
  readonly nowMs: number;
  readonly sample: Sample;
  /** The connections that were seen, those of this program left out. */
  readonly roster: Roster;
  /** What the daemon last said of its builds; null where it has not been asked. */
  readonly builds: BuildsAnswer | null;
  /** Connections that came and went between two looks up to now: at least so many. */
  readonly seenBetweenLooks: number;
}

/** What has changed from one look to the next, or in between. */
export type WatchEvent =
  | { readonly kind: 'started' }
  | { readonly kind: 'changed'; readonly arrived: Roster; readonly left: Roster }
  /**
   * A connection is taken for no client, its standing telling why, or is again taken for one; or it is
   * no longer too new to be told from a probe.
   */
  | { readonly kind: 'left-out' | 'counted-again' | 'counted'; readonly entry: RosterEntry }
  | { readonly kind: 'between-looks'; readonly more: number }
  | { readonly kind: 'builds'; readonly answer: BuildsAnswer }
  | { readonly kind: 'sight-lost'; readonly error: InspectError }
  | { readonly kind: 'sight-back' | 'gone' | 'back' };
