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

export const inspectorNames = ['sock-diag', 'procfs'] as const;
export type InspectorName = (typeof inspectorNames)[number];

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
  /** Inode of the daemon's socket; 0 while the connection waits to be accepted. */
  readonly inode: number;
  /** Payload bytes received from the peer (`tcpi_bytes_received`). Known to `withTraffic` alone. */
  readonly bytesReceived: number | null;
  /** Milliseconds since the last data from the peer (`tcpi_last_data_recv`). As above. */
  readonly msSinceReceived: number | null;
  /** Milliseconds since the last data to the peer (`tcpi_last_data_sent`). As above. */
  readonly msSinceSent: number | null;
}

/** What one inspector sees of one endpoint at one moment. */
export interface Sight {
  /** The LISTEN sockets of the endpoint: the positive control that makes a zero believable. */
  readonly listenerInodes: readonly number[];
  readonly connections: readonly Connection[];
}

export interface LookOptions {
  /** Ask for each connection's traffic, too, which changes all the time. */
  readonly withTraffic?: boolean;
}

/** A means of looking at an endpoint. */
export interface Inspector {
  readonly name: InspectorName;
  /**
   * Looks once, synchronously. May return the sight of an earlier look, the same object, while
   * nothing has changed: that costs nothing.
   * @throws InspectError when the answer can't be had in full.
   */
  look(endpoint: Endpoint, options?: LookOptions): Sight;
  /**
   * Calls back when a connection that was seen at the last look has ended: it is time for another
   * one. Only a means that is told of it has this method.
   * @returns false where the kernel does not tell. Looks are as good without.
   */
  onEnd?(endpoint: Endpoint, callback: (() => void) | null): boolean;
  /** Connections that came and went without any look having seen them: at least so many. */
  seenBetweenLooks?(endpoint: Endpoint): number;
  /**
   * Why looks at this endpoint cost more than they have to, or null. The answers are right all the
   * same. Costs more than a look: not to be asked each time.
   */
  handicap?(endpoint: Endpoint): string | null;
  /** Releases what the inspector holds open. A second call does nothing. */
  close(): void;
}

/** What came of looking at one endpoint, and by which means. */
export type EndpointLook =
  | {
      readonly kind: 'seen';
      readonly endpoint: Endpoint;
      readonly inspector: InspectorName;
      readonly sight: Sight;
    }
  | { readonly kind: 'unseen'; readonly endpoint: Endpoint; readonly error: InspectError };

/**
 * One look at all endpoints. Only `counted` says how many clients there are: every endpoint was
 * seen in full, and the listeners seen with it vouch for the number.
 */
export type Sample = CountedSample | FailedSample | GoneSample;

export interface CountedSample {
  readonly kind: 'counted';
  readonly looks: readonly EndpointLook[];
  readonly connections: readonly Connection[];
}

export interface FailedSample {
  readonly kind: 'failed';
  readonly error: InspectError;
  readonly looks: readonly EndpointLook[];
  /** The connections that were seen all the same: a lower bound, not a count. */
  readonly connections: readonly Connection[];
}

export interface GoneSample {
  readonly kind: 'gone';
  readonly looks: readonly EndpointLook[];
}

/** Why a look gave no answer. Code decides by `code`; people read `message`. */
export class InspectError extends Error {
  override readonly name = 'InspectError';
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
