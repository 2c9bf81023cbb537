import type { Process } from '../backends/procfs/processes.ts';
import type { Endpoint } from '../backends/types.ts';
import type { BackendNotice } from '../backends/with-fallback.ts';

/** A daemon's process, and where it can be reached. */
export interface FoundDaemon {
  readonly process: Process;
  /** Its network namespace, where that is not ours; else null. */
  readonly otherNetns: OtherNetns | null;
  readonly endpoints: readonly Endpoint[];
  /** Whether it was seen to listen there. If not, that is only where it was told to. */
  readonly isListening: boolean;
  /** Where it was told to listen as well, and does not: it may have just begun, or be unable to. */
  readonly unheard: readonly Endpoint[];
  /** What is worth telling about how they were found. */
  readonly notices: readonly FindingNotice[];
}

/** A network namespace that is not ours, by a process in it. */
export interface OtherNetns {
  /** The directory with its tables. */
  readonly netDirectory: string;
  /** Tells one namespace from another. */
  readonly id: string;
}

export type FindingNotice =
  /** It was told to listen there, and does not. */
  | {
      readonly kind: 'address-not-listening';
      readonly pid: number;
      readonly addresses: readonly string[];
    }
  /** A socket whose name is no text, so that no endpoint can stand for it. */
  | {
      readonly kind: 'address-unnameable';
      readonly pid: number;
      readonly addresses: readonly string[];
    }
  /** Its descriptors are not ours to read. */
  | { readonly kind: 'descriptors-unreadable'; readonly pid: number }
  | {
      readonly kind: 'config-unreadable';
      readonly pid: number;
      readonly path: string;
      readonly reason: string;
    }
  | { readonly kind: 'tables-unreadable'; readonly pid: number; readonly reason: string };

/** What is told about where the watched endpoints come from. */
export type EndpointNotice =
  | FindingNotice
  | {
      readonly kind: 'daemon-found';
      readonly pid: number;
      /** Whether the process was asked for by its pid, and not found by its name. */
      readonly isGiven: boolean;
      readonly isListening: boolean;
      readonly endpoints: readonly string[];
    }
  | { readonly kind: 'daemon-in-other-netns'; readonly pid: number }
  /** Processes called buildkitd that belong to another place than this one. */
  | {
      readonly kind: 'daemons-skipped';
      readonly pids: readonly number[];
      /** Whether there are others that do belong here. */
      readonly areOthersFound: boolean;
    }
  /** A daemon in sight also listens there, and the addresses that were given leave it out. */
  | {
      readonly kind: 'addresses-not-given';
      readonly pid: number;
      readonly addresses: readonly string[];
    }
  /** A variable that others set, and whose value is nothing that can be watched here. */
  | { readonly kind: 'variable-ignored'; readonly variable: string; readonly reason: string }
  | {
      readonly kind: 'daemon-not-found';
      readonly reason: string | null;
      /** Whether the reason may pass, so that it is tried again and no count is believed until then. */
      readonly isTriedAgain: boolean;
      readonly endpoints: readonly string[];
    }
  /** A daemon that was known has been found to listen there, too. */
  | { readonly kind: 'endpoints-added'; readonly endpoints: readonly string[] }
  | { readonly kind: 'endpoints-dropped'; readonly endpoints: readonly string[] }
  /** Nothing listens there, and the clients are counted by all the sockets of the daemon, which lives. */
  | { readonly kind: 'listener-gone'; readonly endpoints: readonly string[] };

/** Which endpoints a monitor polls, and how. */
export type MonitorNotice = BackendNotice | EndpointNotice;

/** The same of a wait, which publishes a drain marker as well. */
export type WaitNotice =
  | MonitorNotice
  | { readonly kind: 'drain-marker-failed'; readonly reason: string };
