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

/** What the daemon answered. What could not be learned is `unknown`, never a list of none. */
export type BuildsAnswer = BuildsKnown | { readonly kind: 'unknown'; readonly error: BackendError };

export interface BuildsKnown {
  readonly kind: 'known';
  readonly builds: readonly Build[];
  /**
   * When the latest build that the daemon has a record of ended, in milliseconds since the epoch by
   * its wall clock (`BuildHistoryRecord.CompletedAt`). Null where it has none, and where builds run:
   * its records are not asked for then.
   */
  readonly lastEndedAtMs: number | null;
}

/** How to speak TLS with the daemon; certificates and the key as the content of PEM files. */
export interface TlsConfig {
  /** Who has signed the daemon's certificate; null for the authorities that Node.js knows. */
  readonly ca: string | null;
  /** What the client shows of itself, where the daemon asks for it: both, or none. */
  readonly cert: string | null;
  readonly key: string | null;
  /** The name in the daemon's certificate; null for the host that the endpoint names. */
  readonly serverName: string | null;
}

/** One daemon that listens: where it can be asked, and the inodes of its listening sockets. */
export interface ListeningDaemon {
  readonly endpoints: readonly Endpoint[];
  /** Two answers come from one daemon if its listeners have an inode in common. */
  readonly listeners: readonly number[];
}

/** What one daemon answered. */
export interface DaemonAnswer extends ListeningDaemon {
  readonly answer: BuildsAnswer;
}

/** How to speak TLS with the daemons, read for each question: mounted secrets come late, and change. */
export interface TlsSource {
  /** @returns null for daemons without TLS. May reject: builds are unknown then. */
  readonly read: () => Promise<TlsConfig | null>;
}

/** A way to ask the daemons which builds are running. */
export interface BuildsSource {
  /**
   * Asks each daemon that the sample has seen to listen. Never rejects, and ends within a second or
   * so for each endpoint.
   */
  readonly ask: (sample: Sample) => Promise<readonly DaemonAnswer[]>;
  /** The peers of connections, as `Connection.peer` names them, that asking has made. */
  readonly ownPeers: () => readonly string[];
  /** Whether no connection that asking has made can be among what a sample sees. */
  readonly isSettled: () => boolean;
}
