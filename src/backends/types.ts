/** An address that buildkitd listens on; `address` is its text as buildkitd writes it. */
export type Endpoint = TcpEndpoint | UnixEndpoint;

export interface TcpEndpoint {
  readonly kind: 'tcp';
  readonly address: string;
  readonly localPort: number;
}

export interface UnixEndpoint {
  readonly kind: 'unix';
  readonly address: string;
  /** The path the socket is bound to; an abstract name is written with a leading `@`. */
  readonly path: string;
}

export const backendNames = ['sock-diag', 'procfs'] as const;
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
   * as /proc/<pid>/fd shows it.
   */
  readonly peer: string | null;
  /** The peer's IP address; IPv4-mapped addresses are written as IPv4. Null for a unix client. */
  readonly peerAddress: string | null;
  /** The daemon's end: `10.0.0.3:1234`, or for a unix client the path of the socket. */
  readonly local: string;
  /** Inode of the daemon's socket; 0 while the connection waits to be accepted. */
  readonly inode: number;
}

/**
 * What the kernel knows about a TCP connection's traffic (struct tcp_info, struct inet_diag_msg).
 * Null is what an older kernel does not report.
 */
export interface Traffic {
  /** Payload bytes from the peer. */
  readonly bytesReceived: number | null;
  /** Payload bytes to the peer that it has acknowledged; the SYN counts as one. */
  readonly bytesAcked: number | null;
  /** Since the last data from the peer; if there was none, since the connection was established. */
  readonly msSinceReceived: number | null;
  /** Since data was last sent to the peer, retransmissions included. */
  readonly msSinceSent: number | null;
  /** Since the last acknowledgement by the peer, answers to keep-alives included. */
  readonly msSinceAcked: number | null;
  /** How many times data or a keep-alive has been sent again without an answer. */
  readonly unanswered: number | null;
}

/** Traffic by connection; the keys are the objects of the latest snapshot. */
export type TrafficOf = ReadonlyMap<Connection, Traffic>;

/** A TCP connection that has ended, as the kernel reports it when it frees the daemon's socket. */
export interface EndedConnection {
  /**
   * The other end, as in `Connection`. Null if the socket no longer knew it (MPTCP clients and
   * connections that the daemon reset), or if this entry stands for several connections: there were
   * too many, or the kernel dropped events.
   */
  readonly peer: string | null;
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
  readonly name: BackendName;
  /** @throws BackendError */
  open(endpoint: Endpoint): OpenEndpoint | TrackedEndpoint;
}

/** An endpoint that one backend polls, with the descriptors that this takes. */
export interface OpenEndpoint {
  /**
   * Polls once, synchronously. Returns the previous snapshot if nothing has changed since.
   *
   * @throws BackendError if there is no complete answer.
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
   * The current traffic of the latest snapshot's connections.
   *
   * @throws BackendError
   */
  traffic(): TrafficOf;
  /**
   * The connections that have ended since the last call, or since the first poll. Each is returned
   * once, including those that came and went between two polls.
   *
   * @throws BackendError
   */
  takeEnded(): readonly EndedConnection[];
  /**
   * Calls back soon after the kernel has freed the socket of a connection of the latest snapshot:
   * time for another poll. A later call replaces the callback; null removes it.
   *
   * @returns false if the kernel does not report ends. Polls are correct without them.
   * @throws BackendError
   */
  onEnd(callback: (() => void) | null): boolean;
  /** Whether `onEnd` was called and will call back. */
  announcesEnds(): boolean;
  /** At least this many connections have come and gone between two polls. */
  seenBetweenPolls(): number;
  /** Why polls cost more than they should, or null. Their answers are correct all the same. */
  degraded(): string | null;
  /** How the latest poll got its answer. */
  mode(): PollMode;
}

/** The outcome of polling one endpoint. */
export type EndpointResult =
  | {
      readonly kind: 'polled';
      readonly endpoint: Endpoint;
      readonly backend: BackendName;
      readonly snapshot: EndpointSnapshot;
    }
  | { readonly kind: 'failed'; readonly endpoint: Endpoint; readonly error: BackendError };

/**
 * One poll of all endpoints. Only `counted` gives the number of clients: every endpoint was polled
 * in full, and each has a listener that confirms the count. If a listener is gone, all sockets of
 * the daemon that had it confirm the count instead.
 */
export type Sample = CountedSample | FailedSample | GoneSample;

export interface CountedSample {
  readonly kind: 'counted';
  /** Equal for two samples of one sampler only if nothing has changed between them. */
  readonly revision: number;
  readonly results: readonly EndpointResult[];
  readonly connections: readonly Connection[];
}

export interface FailedSample {
  readonly kind: 'failed';
  readonly error: BackendError;
  readonly results: readonly EndpointResult[];
  /** The connections that were seen all the same: a lower bound, not a count. */
  readonly connections: readonly Connection[];
}

export interface GoneSample {
  readonly kind: 'gone';
  /** Whether a daemon, a listener or a client has been seen before. If not, nothing was ever found. */
  readonly wasThere: boolean;
  readonly results: readonly EndpointResult[];
}

/** Takes samples. None of its methods throws. */
export interface Sampler {
  /** Polls all endpoints, and looks at the daemon's processes if an endpoint has no listener. */
  readonly sample: () => Sample;
  /**
   * Whether a sample now would be counted and have the revision of the latest one. Costs less than
   * a sample.
   */
  readonly isUnchanged: () => boolean;
  /** The current traffic of the latest sample's connections, where it is known. */
  readonly traffic: () => TrafficOf;
  /** The connections that have ended since the last call, where the kernel reports ends. */
  readonly takeEnded: () => readonly EndedConnection[];
  /** Whether the end of this connection, which was sampled, will be reported without a poll. */
  readonly announcesEnd: (connection: Connection) => boolean;
}

/** Why a poll gave no answer. Code decides by `code`; people read `message`. */
export class BackendError extends Error {
  override readonly name = 'BackendError';
  /** An errno name such as `EPERM`, or one of ours that begins with `ERR_`. */
  readonly code: string;
  /** What was being done: a system call's name, or a short description. */
  readonly operation: string;

  constructor(code: string, operation: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.operation = operation;
  }
}
