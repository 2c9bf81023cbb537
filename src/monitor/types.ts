import type { Process } from '../backends/procfs/processes.ts';
import type { Endpoint } from '../backends/types.ts';
import type { BackendNotice } from '../backends/with-fallback.ts';

/** A daemon's process and its endpoints. */
export interface FoundDaemon {
  /** Its process. */
  readonly process: Process;
  /** Its network namespace; null if that is ours. */
  readonly otherNetns: OtherNetns | null;
  /** Where it listens, or is configured to. */
  readonly endpoints: readonly Endpoint[];
  /** Whether it listens there. If not, the endpoints are only those that it is configured with. */
  readonly isListening: boolean;
  /** Endpoints that it is configured with and does not listen on (yet). */
  readonly unheard: readonly Endpoint[];
  /** What could not be read of it, or differs from its configuration. */
  readonly notices: readonly FindingNotice[];
}

/** A network namespace that is not ours, reached by a process in it. */
export interface OtherNetns {
  /** The directory with its tables: `/proc/<pid>/net` (proc_pid_net(5)). */
  readonly netDirectory: string;
  /** Differs between namespaces: the inode of its `tcp` table. Empty where that can't be read now. */
  readonly id: string;
}

/** What discovery could not read of a daemon, or what differs from the daemon's configuration. */
export type FindingNotice =
  /** It is configured to listen there, and does not. */
  | {
      readonly kind: 'address-not-listening';
      /** The daemon's process. */
      readonly pid: number;
      /** The addresses in its configuration. */
      readonly addresses: readonly string[];
    }
  /** The socket's name is not text, so no endpoint can name it. */
  | {
      readonly kind: 'address-unnameable';
      /** The daemon's process. */
      readonly pid: number;
      /** The names, as far as they can be shown. */
      readonly addresses: readonly string[];
    }
  /** Its descriptors can't be read: it runs as another user (proc_pid_fd(5)). */
  | {
      readonly kind: 'descriptors-unreadable';
      /** The daemon's process. */
      readonly pid: number;
    }
  /** Its configuration can't be read. */
  | {
      readonly kind: 'config-unreadable';
      /** The daemon's process. */
      readonly pid: number;
      /** The file, as the daemon names it. */
      readonly path: string;
      /** For people. */
      readonly reason: string;
    }
  /** The tables of its network namespace can't be read, so where it listens is not known. */
  | {
      readonly kind: 'tables-unreadable';
      /** The daemon's process. */
      readonly pid: number;
      /** For people. */
      readonly reason: string;
    };

/** Where the watched endpoints come from. */
export type EndpointNotice =
  | FindingNotice
  /** A daemon is watched from now on. */
  | {
      readonly kind: 'daemon-found';
      /** The daemon's process. */
      readonly pid: number;
      /** Whether its pid was given, rather than its process found by name. */
      readonly isGiven: boolean;
      /** Whether it listens anywhere. */
      readonly isListening: boolean;
      /** The addresses that it listens on, or is configured with. */
      readonly endpoints: readonly string[];
    }
  /** sock_diag(7) shows only its own network namespace, so procfs is used for this daemon. */
  | {
      readonly kind: 'daemon-in-other-netns';
      /** The daemon's process. */
      readonly pid: number;
    }
  /** Processes called buildkitd that belong to another pod or container. */
  | {
      readonly kind: 'daemons-skipped';
      /** Their processes. */
      readonly pids: readonly number[];
      /** Whether other daemons do belong here. */
      readonly areOthersFound: boolean;
    }
  /** A daemon that was found listens there; it need not be the one behind the addresses that were given. */
  | {
      readonly kind: 'addresses-not-given';
      /** The daemon's process. */
      readonly pid: number;
      /** The addresses whose clients are not counted. */
      readonly addresses: readonly string[];
    }
  /** A variable of other programs whose value is no endpoint of this host. */
  | {
      readonly kind: 'variable-ignored';
      /** Its name. */
      readonly variable: string;
      /** For people. */
      readonly reason: string;
    }
  /** There is no daemon, or processes can't be read. */
  | {
      readonly kind: 'daemon-not-found';
      /** Why processes can't be read, for people; null where there is simply no daemon. */
      readonly reason: string | null;
      /** Whether the reason may pass: discovery is tried again, and no sample is a count until then. */
      readonly isTriedAgain: boolean;
      /** The addresses that are polled meanwhile: those in variables, and buildkitd's defaults. */
      readonly endpoints: readonly string[];
    }
  /** A known daemon also listens there now. */
  | {
      readonly kind: 'endpoints-added';
      /** The addresses that are polled from now on. */
      readonly endpoints: readonly string[];
    }
  /** The daemon that listened there has ended, and another one was found. */
  | {
      readonly kind: 'endpoints-dropped';
      /** The addresses that are no longer polled. */
      readonly endpoints: readonly string[];
    }
  /** Nothing listens there; the daemon lives, and its clients are counted by all of its sockets. */
  | {
      readonly kind: 'listener-gone';
      /** The addresses without a listener. */
      readonly endpoints: readonly string[];
    };

/** Which endpoints a monitor polls, and how. */
export type MonitorNotice = BackendNotice | EndpointNotice;

/** The same of a wait, which publishes a drain marker as well. */
export type WaitNotice =
  | MonitorNotice
  /** Other processes cannot see that a drain has begun. The wait itself goes on. */
  | {
      readonly kind: 'drain-marker-failed';
      /** For people. */
      readonly reason: string;
    };
