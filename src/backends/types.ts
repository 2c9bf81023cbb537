import type { PollLoop } from './poll-plan.ts';

/** An address that buildkitd listens on; `address` is its text as buildkitd writes it. */
export type Endpoint = TcpEndpoint | UnixEndpoint;

/** A TCP port. Which of this machine's addresses it belongs to does not matter: all of its connections count. */
export interface TcpEndpoint {
  readonly kind: 'tcp';
  /** As it was given: `tcp://0.0.0.0:1234`. */
  readonly address: string;
  /** From 1 to 65535. */
  readonly localPort: number;
}

/** A unix socket. */
export interface UnixEndpoint {
  readonly kind: 'unix';
  /** As it was given: `unix:///run/buildkit/buildkitd.sock`. */
  readonly address: string;
  /** The path the socket is bound to; an abstract name is written with a leading `@`. */
  readonly path: string;
}

/** The names of the backends, the preferred one first. */
export const backendNames = ['sock-diag', 'procfs'] as const;
/** `sock-diag` asks the kernel over netlink (sock_diag(7)); `procfs` reads its tables as text (proc_pid_net(5)). */
export type BackendName = (typeof backendNames)[number];

/**
 * A client's connection, seen from the daemon's side: established, and accepted or still queued.
 * What the backend cannot tell is null, never zero.
 */
export interface Connection {
  /** Address of the endpoint that the client is connected to. */
  readonly endpoint: string;
  /**
   * The other end: `10.0.0.5:43210`, `[2001:db8::5]:43210`, or for a unix client `socket:[4711]`
   * as `/proc/<pid>/fd` shows it (proc_pid_fd(5)).
   */
  readonly peer: string | null;
  /** The peer's IP address; IPv4-mapped addresses are written as IPv4. Null for a unix client. */
  readonly peerAddress: string | null;
  /** The daemon's end: `10.0.0.3:1234`, or for a unix client the path of the socket. */
  readonly local: string;
  /**
   * Inode of the daemon's socket, as in `/proc/<pid>/fd` (proc_pid_fd(5)); 0 while the connection waits to be accepted.
   */
  readonly inode: number;
}

/**
 * What the kernel knows about a TCP connection's traffic: `struct tcp_info` in linux/tcp.h, and `struct inet_diag_msg`
 * in linux/inet_diag.h. Times are in milliseconds, in steps of the kernel's clock, which are 10 ms at most. Null is what
 * an older kernel does not report.
 */
export interface Traffic {
  /** Payload bytes from the peer (`tcpi_bytes_received`). */
  readonly bytesReceived: number | null;
  /** Payload bytes to the peer that it has acknowledged; the SYN counts as one (`tcpi_bytes_acked`). */
  readonly bytesAcked: number | null;
  /** Since the last data from the peer (`tcpi_last_data_recv`); if there was none, since the connection was established. */
  readonly msSinceReceived: number | null;
  /** Since data was last sent to the peer, retransmissions included (`tcpi_last_data_sent`). */
  readonly msSinceSent: number | null;
  /** Since the last acknowledgement by the peer, answers to keep-alives included (`tcpi_last_ack_recv`). */
  readonly msSinceAcked: number | null;
  /** How many times data or a keep-alive has been sent again without an answer (`idiag_retrans`). */
  readonly unanswered: number | null;
}

/** Traffic by connection; the keys are the objects of the latest snapshot. */
export type TrafficOf = ReadonlyMap<Connection, Traffic>;

/**
 * A TCP connection that has ended, as the kernel reports it when it frees the daemon's socket: to the groups
 * `SKNLGRP_INET_TCP_DESTROY` and `SKNLGRP_INET6_TCP_DESTROY` of linux/sock_diag.h.
 */
export interface EndedConnection {
  /**
   * The other end, as in `Connection`. Null if the socket no longer knew it (MPTCP clients and
   * connections that the daemon reset), or if this entry stands for several connections: there were
   * too many, or the kernel dropped events.
   */
  readonly peer: string | null;
  /** The peer's IP address; null where `peer` is. */
  readonly peerAddress: string | null;
  /**
   * Payload bytes from the peer over the whole life of the connection; its FIN counts as one. The
   * maximum if this entry stands for several connections. Null is unknown.
   */
  readonly bytesReceived: number | null;
}

/** What one backend saw of one endpoint at one moment. */
export interface EndpointSnapshot {
  /**
   * Differs from the revision of another snapshot of the same open endpoint if what they show does,
   * or if a connection that may have transferred data has ended between them.
   */
  readonly revision: number;
  /** The LISTEN sockets of the endpoint. Without one, a count of zero is not trusted. */
  readonly listenerInodes: readonly number[];
  /** Established, and accepted or still queued. */
  readonly connections: readonly Connection[];
}

/**
 * How a backend that tracks connections got its answer: from the tracked set (`tracked`), or why it
 * dumped the kernel's table instead (native/include/sockdiag/poll_decision.h).
 */
export type PollMode =
  | 'tracked'
  | 'first'
  | 'counter-unreadable'
  | 'counter-moved'
  | 'settling'
  | 'events-lost'
  | 'cheaper'
  | 'old'
  | 'unexpected';

/** A way to ask the kernel for connections. It holds no resources itself; open endpoints do. */
export interface Backend {
  /** Which one it is. */
  readonly name: BackendName;
  /** Opens an endpoint. @throws BackendError */
  open(endpoint: Endpoint): OpenEndpoint | TrackedEndpoint;
}

/** An endpoint that one backend polls, with the descriptors that this takes. */
export interface OpenEndpoint {
  /**
   * Polls once, synchronously. Returns the previous snapshot if nothing has changed since.
   *
   * @throws {@link BackendError} if there is no complete answer, with the reason as its `code`.
   */
  poll(): EndpointSnapshot;
  /** Frees the descriptors. A second call does nothing. */
  close(): void;
}

/** A TCP endpoint that sock-diag polls. A unix endpoint, and one of procfs, has only the polls. */
export interface TrackedEndpoint extends OpenEndpoint, TcpFacts {}

/** What sock_diag knows about the TCP connections of an endpoint beyond their existence. */
export interface TcpFacts {
  /**
   * The traffic of the latest snapshot's connections, as of the latest poll.
   *
   * @throws {@link BackendError} with an errno name, or `ERR_CLOSED` after `close`.
   */
  traffic(): TrafficOf;
  /**
   * The connections that have ended since the last call, or since the first poll. Each is returned
   * once, including those that came and went between two polls.
   *
   * @throws {@link BackendError} with an errno name, or `ERR_CLOSED` after `close`.
   */
  takeEnded(): readonly EndedConnection[];
  /**
   * Calls back soon after the kernel has freed the socket of a connection of the latest snapshot:
   * time for another poll. A later call replaces the callback; null removes it.
   *
   * @returns false if the kernel does not report ends. Polls are correct without them.
   * @throws {@link BackendError} with an errno name, or `ERR_CLOSED` after `close`.
   */
  onEnd(callback: (() => void) | null): boolean;
  /** Whether `onEnd` was called and will call back. */
  announcesEnds(): boolean;
  /** At least this many connections have come and gone between two polls, since it was opened. */
  seenBetweenPolls(): number;
  /** Why polls cost more than they should, for people, or null. Their answers are correct all the same. */
  degraded(): string | null;
  /** How the latest poll got its answer. */
  mode(): PollMode;
}

/** The outcome of polling one endpoint. */
export type EndpointResult =
  | {
      readonly kind: 'polled';
      /** What was polled. */
      readonly endpoint: Endpoint;
      /** With which backend. */
      readonly backend: BackendName;
      /** What it saw. */
      readonly snapshot: EndpointSnapshot;
    }
  | {
      readonly kind: 'failed';
      /** What was to be polled. */
      readonly endpoint: Endpoint;
      /** Why there is no answer: that of the preferred backend, with those of the others in its message. */
      readonly error: BackendError;
    };

/**
 * One poll of all endpoints. Only `counted` gives the number of clients: every endpoint was polled
 * in full, and each has a listener that confirms the count. If a listener is gone, all sockets of
 * the daemon that had it confirm the count instead.
 */
export type Sample = CountedSample | FailedSample | GoneSample;

/** The number of connections is known. */
export interface CountedSample {
  readonly kind: 'counted';
  /** Equal for two samples of one sampler only if nothing has changed between them. */
  readonly revision: number;
  /** One for each endpoint. */
  readonly results: readonly EndpointResult[];
  /** All of them. */
  readonly connections: readonly Connection[];
}

/** The number of connections is not known. */
export interface FailedSample {
  readonly kind: 'failed';
  /** Why. */
  readonly error: BackendError;
  /** One for each endpoint; those that were polled, too. */
  readonly results: readonly EndpointResult[];
  /** The connections that were seen all the same: a lower bound, not a count. */
  readonly connections: readonly Connection[];
}

/** No daemon is left, and no listener and no connection of one. */
export interface GoneSample {
  readonly kind: 'gone';
  /** Whether a daemon, a listener or a client has been seen before. If not, nothing was ever found. */
  readonly wasThere: boolean;
  /** One for each endpoint. */
  readonly results: readonly EndpointResult[];
}

/** Takes samples. None of its methods throws. */
export interface SampleSource {
  /** Polls all endpoints, and looks at the daemon's processes if an endpoint has no listener. */
  readonly sample: () => Sample;
  /**
   * Whether a sample now would be counted and have the revision of the latest one. Costs less than
   * a sample.
   */
  readonly isUnchanged: () => boolean;
  /** The traffic of the latest sample's connections, as of that sample, where it is known. */
  readonly traffic: () => TrafficOf;
  /** The connections that have ended since the last call, where the kernel reports ends. */
  readonly takeEnded: () => readonly EndedConnection[];
  /** Whether the end of this connection, which was sampled, will be reported without a poll. */
  readonly announcesEnd: (connection: Connection) => boolean;
}

/** A source whose polls can go on without JavaScript between two samples. */
export interface Sampler extends SampleSource {
  /**
   * The loop that does without JavaScript what `isUnchanged` does; null if nothing has to be unchanged,
   * or if an endpoint can't be polled like that.
   */
  readonly loop: () => PollLoop | null;
  /** When a sample has to look for further listeners, on the clock of `performance.now`. */
  readonly searchDueMs: () => number;
}

/**
 * Why there is no answer. Programs decide by `code`; people read `message`. The code is an errno name such as `EPERM`
 * (errno(3)), or one of these:
 *
 * - `ERR_ADDON`: the addon cannot be loaded, or failed. The message says what to do.
 * - `ERR_TABLE_CUT`: a table of `/proc/net` is cut short, or has another form than the kernel's.
 * - `ERR_NO_LISTENER`: nothing listens there, so a count of zero would prove nothing.
 * - `ERR_LISTENER_REPLACED`: a listener is gone, and where the daemon listens now is not known yet.
 * - `ERR_NOT_FOUND_YET`: where the daemon listens cannot be read now. It is tried again.
 * - `ERR_CLOSED`: it was used after `close`.
 * - `ERR_BUG`: an unexpected error, which is the `cause`.
 */
export class BackendError extends Error {
  override readonly name = 'BackendError';
  /** An errno name, or one of those above. */
  readonly code: string;
  /** What was being done: a system call's name, or a short description. */
  readonly operation: string;

  /** @internal */
  constructor(code: string, operation: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.operation = operation;
  }
}
