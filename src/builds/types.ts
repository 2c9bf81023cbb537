import type { InspectError, Sample } from '../inspect/types.ts';

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
export type BuildsAnswer =
  | { readonly kind: 'known'; readonly builds: readonly Build[] }
  | { readonly kind: 'unknown'; readonly error: InspectError };

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

/** A way to ask the daemon which builds are running. */
export interface BuildsSource {
  /** Asks where the sample has seen somebody listen. Never rejects, and ends within a second or so. */
  readonly ask: (sample: Sample) => Promise<BuildsAnswer>;
  /** The peers of connections, as `Connection.peer` names them, that asking has made. */
  readonly ownPeers: () => readonly string[];
}
