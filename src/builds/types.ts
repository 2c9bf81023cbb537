import type { InspectError } from '../inspect/types.ts';

/** A build that the daemon says is running. */
export interface Build {
  /** The name that BuildKit has given it. */
  readonly ref: string;
  /** How long it had been running when the answer came; null where the daemon does not say. */
  readonly runningForMs: number | null;
}

/** What came of asking the daemon. No build at all is `known` only from a daemon that counts right. */
export type BuildsAnswer =
  | { readonly kind: 'known'; readonly builds: readonly Build[] }
  | { readonly kind: 'unknown'; readonly error: InspectError };

/** A way to ask the daemon which builds are running. */
export interface BuildsSource {
  /** Never rejects, and ends within a second or so. */
  readonly ask: () => Promise<BuildsAnswer>;
  /** The peers of connections, as `Connection.peer` names them, that asking has made. */
  readonly ownPeers: () => readonly string[];
}
