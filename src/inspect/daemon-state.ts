/** What is known of the daemon's process when nothing listens any more. */
export type DaemonState =
  | { readonly kind: 'alive'; readonly pid: number; readonly listensOn: readonly string[] }
  | { readonly kind: 'dead' }
  | { readonly kind: 'unknown'; readonly reason: string };

/** Follows the daemon's process, so that a vanished listener can be told from a vanished daemon. */
export interface DaemonWatch {
  /** Notes which processes hold these listeners, while they can still be found by them. */
  remember(listenerInodes: readonly number[]): void;
  state(): DaemonState;
}
