import type { BackendError, Connection, EndedConnection, Sample } from '../backends/types.ts';
import type { Build, BuildsAnswer } from '../builds/types.ts';
import type { TrackedConnection, TrackedConnections } from './tracked.ts';

export const onUnknownChoices = ['hold', 'exit'] as const;

/** How to wait. All times are in milliseconds. */
export interface DrainConfig {
  /** Time between two polls; a second, where that is longer, while a client holds whose end is announced. */
  readonly intervalMs: number;
  /** How long there must be no clients before the wait ends. */
  readonly quietPeriodMs: number;
  /** The wait's own deadline; null for none. */
  readonly timeoutMs: number | null;
  /** The wait is not drained before this. */
  readonly minWaitMs: number;
  /** Up to this many clients are treated as none. */
  readonly maxConnections: number;
  /** Which peers count at all. */
  readonly counts: (peer: Pick<Connection, 'peerAddress'>) => boolean;
  /** A connection that ends within this time does not break quiet. */
  readonly probeGraceMs: number;
  /**
   * How long without traffic is silence, though never less than 45 s. A silent connection is not
   * counted while the daemon says that no build runs. With null that is so after 45 s; with a time,
   * also where the daemon says nothing.
   */
  readonly ignoreSilentMs: number | null;
  /** A peer that has not answered for this long is unreachable and not counted; null for never. */
  readonly ignoreUnreachableMs: number | null;
  /**
   * What the daemon's answer about its builds is used for: with `auto`, running builds hold the wait,
   * and where it is unknown the sockets decide; with `require`, the wait can't end without an answer.
   */
  readonly builds: 'auto' | 'off' | 'require';
  /** When clients can't be counted: `hold` until the deadline, or `exit` after a quiet period. */
  readonly onUnknown: (typeof onUnknownChoices)[number];
  /** Time between two progress events. */
  readonly progressEveryMs: number;
}

/**
 * The builds in a daemon's last certain answer. They hold the wait until the daemon answers with
 * certainty again, or until they expire.
 */
export interface NamedBuilds {
  /** The inodes of the daemon's listeners. */
  readonly listeners: readonly number[];
  /** At least one. */
  readonly builds: readonly Build[];
  /** When the daemon was asked, on the clock of `DrainStatus.nowMs`. */
  readonly askedMs: number;
}

/** Why named builds hold the wait no longer though the daemon has not said that they ended. */
export type ExpiryReason = 'daemon-gone' | 'no-connection' | 'too-old';

/**
 * The state of a wait or a watch at one moment. All times are in milliseconds; moments (`nowMs`, `firstSeenMs`) are on
 * one monotonic clock without a known beginning, so only their differences mean something.
 */
export interface DrainStatus {
  /** The moment, on the same clock as the times of the connections. */
  readonly nowMs: number;
  /** Since the start. */
  readonly waitedMs: number;
  /** What the latest poll showed. */
  readonly sample: Sample;
  /** The tracked clients, oldest first. */
  readonly clients: TrackedConnections;
  /** The tracked connections that do not count as clients, oldest first. */
  readonly notCounted: TrackedConnections;
  /** Connections so young that they may be probes, oldest first: they keep the wait from its end. */
  readonly pending: TrackedConnections;
  /** All tracked connections, of any kind and in no order. */
  readonly all: TrackedConnections;
  /** The daemon's latest answer; null where it has not been asked. */
  readonly builds: BuildsAnswer | null;
  /** When the daemon was asked for that answer; null where it has not been asked. */
  readonly buildsAskedMs: number | null;
  /** The builds that hold the wait, from each daemon's last certain answer. */
  readonly namedBuilds: readonly NamedBuilds[];
  /** How long quiet has lasted; null where it does not last. */
  readonly quietForMs: number | null;
}

/** What both a wait and a watch report. One event name has one set of fields. */
export type CommonEvent =
  /** The first poll. */
  | ({ readonly kind: 'started' } & DrainStatus)
  /** Connections have come or gone. */
  | ({
      readonly kind: 'changed';
      /** How many clients there were before. */
      readonly before: number;
      /** In a wait, these are clients; in a watch, connections of any kind. */
      readonly arrived: TrackedConnections;
      /** Of the same kinds, as they were last seen. */
      readonly left: TrackedConnections;
    } & DrainStatus)
  /**
   * A connection does not count as a client, its kind being the reason; or counts as one again; or, in
   * a watch, counts as one for the first time after it was pending.
   */
  | ({
      readonly kind: 'not-counted' | 'counted-again' | 'counted';
      /** The connection, with its kind from now on. */
      readonly entry: TrackedConnection;
    } & DrainStatus)
  /** The daemon's answer differs from the one before. */
  | {
      readonly kind: 'builds';
      /** The new one. */
      readonly answer: BuildsAnswer;
      /** The builds that hold a wait although the answer is unknown. */
      readonly namedBuilds: readonly NamedBuilds[];
      /** The moment, on the clock of `DrainStatus.nowMs`. */
      readonly nowMs: number;
    }
  /** Clients can't be counted, or not for the same reason as before. */
  | {
      readonly kind: 'count-failed';
      /** Why. */
      readonly error: BackendError;
      /** How many connections were seen all the same: a lower bound. */
      readonly seen: number;
    }
  /** Clients can be counted again. */
  | ({
      readonly kind: 'count-recovered';
      /** How long they could not be, in milliseconds. */
      readonly lostForMs: number;
    } & DrainStatus);

/** What a wait reports. */
export type DrainEvent =
  | CommonEvent
  /** The wait goes on: sent every `progressEveryMs`. */
  | ({ readonly kind: 'progress' } & DrainStatus)
  /** Named builds hold the wait no longer, though their daemon has not said that they ended. */
  | {
      readonly kind: 'named-builds-expired';
      /** The builds, and when they were named. */
      readonly named: NamedBuilds;
      /** The evidence that they have ended. */
      readonly reason: ExpiryReason;
    }
  /** Clients came and went without being counted: the quiet period starts over. */
  | {
      readonly kind: 'short-lived-clients';
      /** What the kernel told of each when it ended. */
      readonly clients: readonly EndedConnection[];
    }
  /** The daemon has a record of a build that no answer named: the quiet period starts at its end. */
  | {
      readonly kind: 'build-recorded';
      /** How long ago that build ended, in milliseconds. */
      readonly endedAgoMs: number;
    }
  /** There was no sample for so long that clients may have gone unseen: the quiet period starts over. */
  | {
      readonly kind: 'sampling-gap';
      /** The time without a sample, in milliseconds. */
      readonly gapMs: number;
    };

/** What a watch reports. */
export type WatchEvent =
  | CommonEvent
  /** Connections that came and went between two polls: at least so many, and since the start. */
  | { readonly kind: 'between-polls'; readonly more: number; readonly total: number }
  | { readonly kind: 'gone' }
  | ({ readonly kind: 'back' } & DrainStatus);

/** The state of a watch after a poll. */
export interface WatchStatus extends DrainStatus {
  /**
   * The connections that the latest poll showed, oldest first: neither this program's own, nor those
   * at an endpoint that could not be polled.
   */
  readonly tracked: TrackedConnections;
  /** Connections that came and went between two polls since the start: at least so many. */
  readonly seenBetweenPolls: number;
}

/** The numbers of a wait at its end. All times are in milliseconds. */
export interface DrainStats {
  /** The moment of the end, on the same clock as the times of the connections. */
  readonly nowMs: number;
  /** Since the start. */
  readonly waitedMs: number;
  /** How many samples were taken. */
  readonly polls: number;
  /** The most clients in any sample; null where none could be counted. */
  readonly mostConnections: number | null;
  /** Connections that ended within the probe grace. */
  readonly probes: number;
  /** The tracked clients, oldest first. */
  readonly clients: TrackedConnections;
  /** As in `DrainStatus`. */
  readonly notCounted: TrackedConnections;
  /** As in `DrainStatus`. */
  readonly pending: TrackedConnections;
  /** As in `DrainStatus`. */
  readonly all: TrackedConnections;
  /** As in `DrainStatus`. */
  readonly builds: BuildsAnswer | null;
  /** As in `DrainStatus`. */
  readonly buildsAskedMs: number | null;
  /** As in `DrainStatus`. */
  readonly namedBuilds: readonly NamedBuilds[];
  /** The last sample; null where the wait was interrupted before the first. */
  readonly sample: Sample | null;
}

/**
 * How a wait ended. `drained`: no clients and no builds for the quiet period. `gone`: no daemon is left.
 * `nothing-found`: no daemon, listener or client was ever seen. `timed-out`: at the deadline. `unknown`: clients could
 * not be counted, and `onUnknown` is `exit`. `interrupted`: the signal was aborted.
 */
export type DrainOutcome = DrainStats &
  (
    | { readonly kind: 'drained' }
    | { readonly kind: 'gone' }
    | { readonly kind: 'nothing-found' }
    | {
        readonly kind: 'timed-out';
        /** How long quiet had lasted; null where it did not last. */
        readonly quietForMs: number | null;
      }
    | {
        readonly kind: 'unknown';
        /** Why clients could not be counted. */
        readonly error: BackendError;
      }
    | {
        readonly kind: 'interrupted';
        /** The reason of the signal. */
        readonly reason: unknown;
      }
  );
