import type { Connection, InspectError, Sample } from '../inspect/types.ts';
import type { Roster } from './roster.ts';

export const onBlindChoices = ['hold', 'exit'] as const;

/** How a wait is to be done. All times are in milliseconds. */
export interface DrainConfig {
  /** Time between two looks. */
  readonly intervalMs: number;
  /** How long no client may be seen before the wait ends. */
  readonly quietPeriodMs: number;
  /** The wait's own deadline; null for none. */
  readonly timeoutMs: number | null;
  /** The wait is not drained before this. */
  readonly minWaitMs: number;
  /** Up to this many connections are quiet. */
  readonly maxConnections: number;
  /** Which connections count as clients. */
  readonly counts: (connection: Connection) => boolean;
  /** When nothing can be seen: `hold` on to the deadline, or `exit` after a quiet period of it. */
  readonly onBlind: (typeof onBlindChoices)[number];
  /** Time between two progress events. */
  readonly progressEveryMs: number;
}

/** How things stand at one moment of a wait. */
export interface DrainStatus {
  /** The moment, on the clock that the roster's times are of. */
  readonly nowMs: number;
  readonly waitedMs: number;
  readonly sample: Sample;
  /** The counted connections of the latest count. */
  readonly roster: Roster;
  /** How long quiet has lasted; null where it does not last. */
  readonly quietForMs: number | null;
}

export type DrainEvent =
  | ({ readonly kind: 'started' } & DrainStatus)
  | ({
      readonly kind: 'changed';
      readonly before: number;
      readonly arrived: Roster;
      readonly left: Roster;
    } & DrainStatus)
  | ({ readonly kind: 'progress' } & DrainStatus)
  | { readonly kind: 'sight-lost'; readonly error: InspectError; readonly seen: number }
  | { readonly kind: 'sight-back'; readonly lostForMs: number; readonly connections: number }
  | { readonly kind: 'unwatched'; readonly gapMs: number };

export interface DrainTally {
  /** The moment of the end, on the clock that the roster's times are of. */
  readonly nowMs: number;
  readonly waitedMs: number;
  /** How many samples were taken. */
  readonly polls: number;
  /** The most counted connections in any sample; null where none could be counted. */
  readonly mostConnections: number | null;
  /** The counted connections of the latest count. */
  readonly roster: Roster;
  /** The last sample; null where the wait was interrupted before the first. */
  readonly sample: Sample | null;
}

export type DrainOutcome = DrainTally &
  (
    | { readonly kind: 'drained' }
    | { readonly kind: 'gone' }
    | { readonly kind: 'timed-out'; readonly quietForMs: number | null }
    | { readonly kind: 'blind'; readonly error: InspectError }
    | { readonly kind: 'interrupted'; readonly reason: unknown }
  );
