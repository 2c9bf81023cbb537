import type { BackendError, Connection, EndedConnection, Sample } from '../backends/types.ts';
import type { Build, BuildsAnswer } from '../builds/types.ts';
import type { TrackedConnection, TrackedConnections } from './tracked.ts';

export const onUnknownChoices = ['hold', 'exit'] as const;

/** How a wait is to be done. All times are in milliseconds. */
export interface DrainConfig {
  /** Time between two looks; a second, where that is longer, while a client holds whose end will be told. */
  readonly intervalMs: number;
  /** How long no client may be seen before the wait ends. */
  readonly quietPeriodMs: number;
  /** The wait's own deadline; null for none. */
  readonly timeoutMs: number | null;
  /** The wait is not drained before this. */
  readonly minWaitMs: number;
  /** Up to this many connections are quiet. */
  readonly maxConnections: number;
  /** Which peers count at all. */
  readonly counts: (peer: Pick<Connection, 'peerAddress'>) => boolean;
  /** A connection gone within this time does not break quiet. */
  readonly probeGraceMs: number;
  /**
   * So long without any traffic is silence, though never less than 45 s. A silent connection is left
   * out when the daemon says that no build runs. With null that is so after 45 s; with a time, also
   * where the daemon says nothing.
   */
  readonly ignoreSilentMs: number | null;
  /** So long without a sign of life a peer is unreachable, and left out; null for never. */
  readonly ignoreUnreachableMs: number | null;
  /**
   * What the daemon's own word on its builds is for: in `auto`, running builds hold the wait, and
   * what is unknown is left to the sockets; with `require`, nothing is concluded without it.
   */
  readonly builds: 'auto' | 'off' | 'require';
  /** When nothing can be seen: `hold` on to the deadline, or `exit` after a quiet period of it. */
  readonly onUnknown: (typeof onUnknownChoices)[number];
  /** Time between two progress events. */
  readonly progressEveryMs: number;
}

/**
 * The builds that a daemon named when it last said anything certain. They hold the wait, until the
 * daemon says otherwise or the word is too old to be evidence.
 */
export interface NamedBuilds {
  /** The inodes of the daemon's listeners. */
  readonly listeners: readonly number[];
  readonly builds: readonly Build[];
  readonly askedMs: number;
}

/** Why a word holds the wait no longer though its daemon has not said that its builds have ended. */
export type ExpiryReason = 'daemon-gone' | 'no-connection' | 'too-old';

/** How things stand at one moment of a wait. */
export interface DrainStatus {
  /** The moment, on the clock that the roster's times are of. */
  readonly nowMs: number;
  readonly waitedMs: number;
  readonly sample: Sample;
  /** The clients of the latest count. */
  readonly clients: TrackedConnections;
  /** The connections of the latest count that are taken for no clients. */
  readonly notCounted: TrackedConnections;
  /** Those that are too young to be told from a probe: nothing is concluded while they are there. */
  readonly pending: TrackedConnections;
  /** What the daemon last said of its builds; null where it has not been asked. */
  readonly builds: BuildsAnswer | null;
  /** When it was asked for that; null where it has not been asked. */
  readonly buildsAskedMs: number | null;
  /** The builds that hold the wait, by what each daemon last said with certainty. */
  readonly namedBuilds: readonly NamedBuilds[];
  /** How long quiet has lasted; null where it does not last. */
  readonly quietForMs: number | null;
}

/** What both a wait and a watch report. Each event name has one set of fields. */
type CommonEvent =
  | ({ readonly kind: 'started' } & DrainStatus)
  | ({
      readonly kind: 'changed';
      /** How many clients there were before. */
      readonly before: number;
      readonly arrived: TrackedConnections;
      readonly left: TrackedConnections;
    } & DrainStatus)
  /**
   * A connection does not count as a client, its kind being the reason; or counts as one again; or, in
   * a watch, counts as one for the first time after it was pending.
   */
  | {
      readonly kind: 'not-counted' | 'counted-again' | 'counted';
      readonly entry: TrackedConnection;
      readonly builds: BuildsAnswer | null;
      readonly nowMs: number;
    }
  /** The daemon's answer differs from the one before. */
  | {
      readonly kind: 'builds';
      readonly answer: BuildsAnswer;
      /** The builds that hold a wait although the answer is unknown. */
      readonly namedBuilds: readonly NamedBuilds[];
      readonly nowMs: number;
    }
  | { readonly kind: 'count-failed'; readonly error: BackendError; readonly seen: number }
  | { readonly kind: 'count-recovered'; readonly lostForMs: number; readonly connections: number };

/** What a wait reports. */
export type DrainEvent =
  | CommonEvent
  | ({ readonly kind: 'progress' } & DrainStatus)
  /** Builds that a daemon named hold the wait no longer, though it has not said that they ended. */
  | {
      readonly kind: 'named-builds-expired';
      readonly named: NamedBuilds;
      readonly reason: ExpiryReason;
    }
  /** Clients came and went without being counted: the quiet period starts over. */
  | { readonly kind: 'short-lived-clients'; readonly clients: readonly EndedConnection[] }
  /** The daemon has a record of a build that no answer named: the quiet period starts at its end. */
  | { readonly kind: 'build-recorded'; readonly endedAgoMs: number }
  | { readonly kind: 'sampling-gap'; readonly gapMs: number };

/** What a watch reports. */
export type WatchEvent =
  | CommonEvent
  /** Connections that came and went between two polls: at least so many, and since the start. */
  | { readonly kind: 'between-polls'; readonly more: number; readonly total: number }
  | { readonly kind: 'gone' | 'back' };

/** The state of a watch after a poll. */
export interface WatchStatus extends DrainStatus {
  /** The connections of the latest poll, without this program's own. */
  readonly tracked: TrackedConnections;
  /** Connections that came and went between two polls since the start: at least so many. */
  readonly seenBetweenPolls: number;
}

export interface DrainStats {
  /** The moment of the end, on the clock that the roster's times are of. */
  readonly nowMs: number;
  readonly waitedMs: number;
  /** How many samples were taken. */
  readonly polls: number;
  /** The most clients in any sample; null where none could be counted. */
  readonly mostConnections: number | null;
  /** Connections that were gone again within the probe grace. */
  readonly probes: number;
  /** The clients of the latest count. */
  readonly clients: TrackedConnections;
  readonly notCounted: TrackedConnections;
  readonly pending: TrackedConnections;
  readonly builds: BuildsAnswer | null;
  readonly buildsAskedMs: number | null;
  readonly namedBuilds: readonly NamedBuilds[];
  /** The last sample; null where the wait was interrupted before the first. */
  readonly sample: Sample | null;
}

export type DrainOutcome = DrainStats &
  (
    | { readonly kind: 'drained' }
    | { readonly kind: 'gone' }
    /** Nothing has been seen that could be gone: no daemon, no listener, no client. */
    | { readonly kind: 'nothing-found' }
    | { readonly kind: 'timed-out'; readonly quietForMs: number | null }
    | { readonly kind: 'unknown'; readonly error: BackendError }
    | { readonly kind: 'interrupted'; readonly reason: unknown }
  );
