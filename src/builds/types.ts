import type { BackendError, Endpoint, Sample } from '../backends/types.ts';

/** One build that the daemon says is running. */
export interface Build {
  /** The name that the client gave it (`BuildHistoryRecord.Ref`). */
  readonly ref: string;
  /**
   * When it began, in milliseconds since the epoch by the daemon's wall clock
   * (`BuildHistoryRecord.CreatedAt`). Null where the daemon does not say.
   */
  readonly startedAtMs: number | null;
}

/** What the daemon answered. What could not be learned is `unknown`, never an empty list. */
export type BuildsAnswer =
  | BuildsKnown
  /** No answer, or one that may hide builds. */
  | {
      readonly kind: 'unknown';
      /**
       * Why. `ERR_ZERO_NOT_TRUSTED` and `ERR_NO_HISTORY`: the daemon named no build, and its version may hide some.
       * `ERR_UNIMPLEMENTED`: it is older than v0.12.4. `ERR_CALL_TIMEOUT`, `ERR_UNREACHABLE` or an errno: it did not
       * answer. Those that begin with `ERR_TLS` or `ERR_NO_TLS`: TLS does not work as it is set.
       */
      readonly error: BackendError;
    };

/** An answer that names every build. */
export interface BuildsKnown {
  readonly kind: 'known';
  /** The running builds; empty only where the daemon is known to name all of them. */
  readonly builds: readonly Build[];
  /**
   * When the latest build that the daemon has a record of ended, in milliseconds since the epoch by
   * its wall clock (`BuildHistoryRecord.CompletedAt`). Null where it has none, and where builds are running, since
   * its records are not read then.
   */
  readonly lastEndedAtMs: number | null;
}

/** A daemon that listens: where its API can be called, and the inodes of its listening sockets. */
export interface ListeningDaemon {
  /** The endpoints with a listener that the daemon owns. */
  readonly endpoints: readonly Endpoint[];
  /** Two answers come from one daemon if its listeners have an inode in common. */
  readonly listeners: readonly number[];
}

/** What one daemon answered. */
export interface DaemonAnswer extends ListeningDaemon {
  readonly answer: BuildsAnswer;
}

/** Asks the daemons which builds are running. */
export interface BuildsSource {
  /**
   * Asks each daemon whose listeners are in the sample. Never rejects, and takes about a second for each endpoint at most.
   */
  readonly ask: (sample: Sample) => Promise<readonly DaemonAnswer[]>;
  /** Its own connections, named as `Connection.peer` is. */
  readonly ownPeers: () => readonly string[];
  /** Whether no sample can contain one of its own connections. */
  readonly isSettled: () => boolean;
}
