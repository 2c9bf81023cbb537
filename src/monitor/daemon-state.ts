import type { Process } from '../backends/procfs/processes.ts';

/** The sockets of a process, as far as they matter to who its clients are. */
export interface ProcessSockets {
  /** Where it takes clients. */
  readonly listensOn: readonly string[];
  /** Inodes of its clients' connections. */
  readonly connections: readonly number[];
  /** Whether every socket that it holds was found in the kernel's tables, so that none is missing here. */
  readonly areAllKnown: boolean;
}

/** What is known of the daemon's process when nothing listens any more; its sockets, if it lives. */
export type DaemonState =
  | ({ readonly kind: 'alive'; readonly pid: number } & ProcessSockets)
  | {
      readonly kind: 'dead';
      /** Whether a daemon has been seen at all: its process, or a listener. */
      readonly wasThere: boolean;
    }
  | { readonly kind: 'unknown'; readonly reason: string };

/** Follows the daemon's process, so that a vanished listener can be told from a vanished daemon. */
export interface DaemonWatch {
  /** Notes which processes hold these listeners, while they can still be found by them. */
  remember(listenerInodes: readonly number[]): void;
  state(): DaemonState;
  /** Who holds these listeners, or did when they were last seen; none where nobody knows. */
  ownersOf(listenerInodes: readonly number[]): readonly Process[];
  /**
   * Whether these processes have no connections but these: each is dead, or all of its sockets are
   * known. Never of no process.
   */
  haveNoOthers(processes: readonly Process[], connections: readonly number[]): boolean;
}
