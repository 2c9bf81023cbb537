/** An address buildkitd listens on, `address` being its text as buildkitd writes it. */
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
 * One client's connection, seen on the daemon's side: established, and accepted or still queued.
 * What the means of looking can't tell is null, never zero.
 */
export interface Connection {
  /** Address of the endpoint that the client is connected to. */
  readonly endpoint: string;
  /**
   * The other end: `10.0.0.5:43210`, `[2001:db8::5]:43210`, or for a unix client `socket:[4711]`
   * as /proc/<pid>/fd shows it.
   */
  readonly peer: string | null;
  /** The peer's IP address, an IPv4-mapped one as plain IPv4. Null for a unix client. */
  readonly peerAddress: string | null;
  /** The daemon's end: `10.0.0.3:1234`, or for a unix client the path of the socket. */
  readonly local: string;
  /** Inode of the daemon's socket; 0 while the connection waits to be accepted. */
  readonly inode: number;
}

/**
 * What the kernel knows of a TCP connection's traffic (struct tcp_info, struct inet_diag_msg). Null
 * is what an older kernel does not tell.
 */
export interface Traffic {
  /** Payload bytes from the peer. */
  readonly bytesReceived: number | null;
  /** Payload bytes to the peer, as far as it has acknowledged them; the SYN counts as one. */
  readonly bytesAcked: number | null;
  /** Since the last data from the peer; where there was none, since the connection was made. */
  readonly msSinceReceived: number | null;
  /** Since the last data to the peer, be it sent for the first time or again. */
  readonly msSinceSent: number | null;
  /** Since the last sign of life of the peer, be it an answer to a keep-alive. */
  readonly msSinceAcked: number | null;
  /** How often data or a keep-alive was sent again without an answer up to now. */
  readonly unanswered: number | null;
}

/** Traffic by connection: by the very objects of the latest look. */
export type TrafficOf = ReadonlyMap<Connection, Traffic>;

/** A TCP connection that has ended, as the kernel tells when it frees the daemon's socket. */
export interface EndedConnection {
  /**
   * The other end, as it was in `Connection`. Null where the socket had forgotten it, which that of
   * an MPTCP client and one that the daemon has reset do, and where this stands for connections of
   * which there were too many, or of whose ends the kernel had to drop the news.
   */
  readonly peer: string | null;
  readonly peerAddress: string | null;
  /**
   * Payload bytes from the peer over the connection's whole life, its FIN counting as one; the most
   * of any where this stands for several. Null is unknown.
   */
  readonly bytesReceived: number | null;
}

/** What one backend sees of one endpoint at one moment. */
export interface EndpointSnapshot {
  /** The LISTEN sockets of the endpoint: the positive control that makes a zero believable. */
  readonly listenerInodes: readonly number[];
  readonly connections: readonly Connection[];
}

/**
 * How a means that keeps the set of connections came to an answer: by what it keeps (`tracked`), or
 * why it walked the kernel's table (native/include/sockdiag/poll_decision.h).
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

/** A means of looking at an endpoint. */
export interface Backend {
  readonly name: BackendName;
  /**
   * Looks once, synchronously. May return the sight of an earlier look, the same object, while
   * nothing has changed: that costs nothing.
   * @throws BackendError when the answer can't be had in full.
   */
  poll(endpoint: Endpoint): EndpointSnapshot;
  /**
   * Whether a look now would return the sight of the latest one, and no connection has ended since
   * that brought bytes. Only a means that knows for less than a look has this method.
   * @throws BackendError as `look` does.
   */
  isUnchanged?(endpoint: Endpoint): boolean;
  /**
   * The traffic of the latest look's connections, as it is now. Only a means that knows of traffic
   * has this method; unix connections have none that anybody counts.
   * @throws BackendError as `look` does.
   */
  traffic?(endpoint: Endpoint): TrafficOf;
  /**
   * The connections that have ended since the last call, or since the first look, be it that a look
   * had seen them or that they came and went in between: each once. Only a means that is told of ends
   * has this method, and only of TCP connections.
   */
  endedTraffic?(endpoint: Endpoint): readonly EndedConnection[];
  /**
   * Calls back when a connection that was seen at the last look has ended: it is time for another
   * one. Only a means that is told of it has this method.
   * @returns false where the kernel does not tell. Looks are as good without.
   */
  onEnd?(endpoint: Endpoint, callback: (() => void) | null): boolean;
  /**
   * Whether `onEnd` was called and will call back: soon after the kernel has freed the socket of a
   * connection that was seen.
   */
  announcesEnds?(endpoint: Endpoint): boolean;
  /** Connections that came and went without any look having seen them: at least so many. */
  seenBetweenPolls?(endpoint: Endpoint): number;
  /**
   * Why looks at this endpoint cost more than they have to, or null. The answers are right all the
   * same. Costs more than a look: not to be asked each time.
   */
  degraded?(endpoint: Endpoint): string | null;
  /** How the latest look at this endpoint came to its answer; null where there was none. */
  mode?(endpoint: Endpoint): PollMode | null;
  /** Releases what the backend holds open: it looks no more. A second call does nothing. */
  close(): void;
}

/** What came of looking at one endpoint, and by which means. */
export type EndpointResult =
  | {
      readonly kind: 'polled';
      readonly endpoint: Endpoint;
      readonly backend: BackendName;
      readonly snapshot: EndpointSnapshot;
    }
  | { readonly kind: 'failed'; readonly endpoint: Endpoint; readonly error: BackendError };

/**
 * One look at all endpoints. Only `counted` says how many clients there are: every endpoint was
 * seen in full, and the listeners seen with it vouch for the number; where one is no more, all the
 * sockets of the daemon that had it.
 */
export type Sample = CountedSample | FailedSample | GoneSample;

export interface CountedSample {
  readonly kind: 'counted';
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
  /** Whether a daemon, a listener or a client has been seen before. If not, nothing was found at all. */
  readonly wasThere: boolean;
  readonly results: readonly EndpointResult[];
}

/** Takes samples. Nothing of it throws. */
export interface Sampler {
  /**
   * One look at all endpoints, and at the daemon's process where nothing listens. While nothing
   * changes, the same counted sample is handed back.
   */
  readonly sample: () => Sample;
  /**
   * Whether a sample now would be the very counted one of the last time, and no connection has
   * ended since that brought bytes. Costs less than a sample.
   */
  readonly isUnchanged: () => boolean;
  /** The traffic of the latest sample's connections, as far as it is to be had. */
  readonly traffic: () => TrafficOf;
  /** The connections that have ended since the last call, as far as the kernel tells of them. */
  readonly endedTraffic: () => readonly EndedConnection[];
  /** Whether the end of this connection, which was seen, will be told without any look. */
  readonly announcesEnd: (connection: Connection) => boolean;
}

/** Why a look gave no answer. Code decides by `code`; people read `message`. */
export class BackendError extends Error {
  override readonly name = 'BackendError';
  /** An errno name such as `EPERM`, or one of ours that begins with `ERR_`. */
  readonly code: string;
  /** What was being done, as a person would say it or as the system call is called. */
  readonly operation: string;

  constructor(code: string, operation: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.operation = operation;
  }
}
