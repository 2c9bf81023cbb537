import type { Process } from '../backends/procfs/processes.ts';
import type { Endpoint } from '../backends/types.ts';
import type { BackendNotice } from '../backends/with-fallback.ts';

/** A daemon's process and its endpoints. */
export interface FoundDaemon {
  readonly process: Process;
  /** Its network namespace; null if that is ours. */
  readonly otherNetns: OtherNetns | null;
  readonly endpoints: readonly Endpoint[];
  /** Whether it listens there. If not, the endpoints are only those that it is configured with. */
  readonly isListening: boolean;
  /** Endpoints that it is configured with and does not listen on (yet). */
  readonly unheard: readonly Endpoint[];
  readonly notices: readonly FindingNotice[];
}

/** A network namespace that is not ours, reached by a process in it. */
export interface OtherNetns {
  /** The directory with its tables: /proc/<pid>/net. */
  readonly netDirectory: string;
  /** Differs between namespaces. */
  readonly id: string;
}

export type FindingNotice =
  /** It is configured to listen there, and does not. */
  | {
      readonly kind: 'address-not-listening';
      readonly pid: number;
      readonly addresses: readonly string[];
    }
  /** The socket's name is not text, so no endpoint can name it. */
  | {
      readonly kind: 'address-unnameable';
      readonly pid: number;
      readonly addresses: readonly string[];
    }
  /** Its descriptors can't be read. */
  | { readonly kind: 'descriptors-unreadable'; readonly pid: number }
  | {
      readonly kind: 'config-unreadable';
      readonly pid: number;
      readonly path: string;
      readonly reason: string;
    }
  | { readonly kind: 'tables-unreadable'; readonly pid: number; readonly reason: string };

/** Where the watched endpoints come from. */
export type EndpointNotice =
  | FindingNotice
  | {
      readonly kind: 'daemon-found';
      readonly pid: number;
      /** Whether its pid was given, rather than its process found by name. */
      readonly isGiven: boolean;
      readonly isListening: boolean;
      readonly endpoints: readonly string[];
    }
  | { readonly kind: 'daemon-in-other-netns'; readonly pid: number }
  /** Processes called buildkitd that belong to another pod or container. */
  | {
      readonly kind: 'daemons-skipped';
      readonly pids: readonly number[];
      /** Whether other daemons do belong here. */
      readonly areOthersFound: boolean;
    }
  /** A daemon also listens there, and those addresses were not given. */
  | {
      readonly kind: 'addresses-not-given';
      readonly pid: number;
      readonly addresses: readonly string[];
    }
  /** A variable of other programs whose value is no endpoint of this host. */
  | { readonly kind: 'variable-ignored'; readonly variable: string; readonly reason: string }
  | {
      readonly kind: 'daemon-not-found';
      readonly reason: string | null;
      /** Whether the reason may pass: discovery is tried again, and no sample is a count until then. */
      readonly isTriedAgain: boolean;
      readonly endpoints: readonly string[];
    }
  /** A known daemon also listens there now. */
  | { readonly kind: 'endpoints-added'; readonly endpoints: readonly string[] }
  | { readonly kind: 'endpoints-dropped'; readonly endpoints: readonly string[] }
  /** Nothing listens there; the daemon lives, and its clients are counted by all of its sockets. */
  | { readonly kind: 'listener-gone'; readonly endpoints: readonly string[] };

/** Which endpoints a monitor polls, and how. */
export type MonitorNotice = BackendNotice | EndpointNotice;

/** The same of a wait, which publishes a drain marker as well. */
export type WaitNotice =
  | MonitorNotice
  | { readonly kind: 'drain-marker-failed'; readonly reason: string };
