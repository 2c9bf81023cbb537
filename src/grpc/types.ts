/** How to speak TLS with the daemon; certificates and the key as the content of PEM files. */
export interface TlsConfig {
  /** The authority that signed the daemon's certificate; null for those that Node.js trusts. */
  readonly ca: string | null;
  /** The client's certificate and key, where the daemon asks for them: both or neither. */
  readonly cert: string | null;
  /** The key of `cert`; null without it. */
  readonly key: string | null;
  /** The name in the daemon's certificate; null for the endpoint's host. */
  readonly serverName: string | null;
}

/** How to speak TLS with the daemons. It is read for each question, since mounted secrets arrive late and change. */
export interface TlsSource {
  /** Resolves to null for daemons without TLS. May reject: builds are unknown then (`ERR_TLS_FILES`). */
  readonly read: () => Promise<TlsConfig | null>;
}

/** One method of a gRPC service, with what is sent to it. */
export interface RpcMethod {
  readonly path: string;
  readonly request: Uint8Array;
  /** Which programs know it, for the error of one that does not. */
  readonly since: string;
  /** Further headers of the request. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Calls methods on one connection. */
export interface GrpcConnection {
  /**
   * The messages of an answer.
   * @param most how many of them are enough; by default all.
   * @throws BackendError
   */
  readonly call: (method: RpcMethod, most?: number) => Promise<readonly Uint8Array[]>;
  /** The messages of an answer as they arrive. @throws BackendError */
  readonly stream: (method: RpcMethod) => AsyncGenerator<Uint8Array, void>;
}
