import type { BackendError, Endpoint } from '../backends/types.ts';
import { asBackendError, callError } from '../grpc/errors.ts';
import { createOwnSockets } from '../grpc/own-sockets.ts';
import type { TlsConfig } from '../grpc/types.ts';
import { withTimeout } from '../grpc/with-timeout.ts';
import type { BuildsAnswer, BuildsKnown } from './types.ts';

/** Which daemon to ask, and how. */
export interface BuildsClientOptions {
  /** Where buildkitd listens. Where that is all addresses, the loopback interface is used. */
  readonly endpoint: Endpoint;
  /** Null, the default, for a daemon without TLS. Over a unix socket buildkitd has none. */
  readonly tls?: TlsConfig | null;
  /** How long an answer may take, in milliseconds from the start of the connection: 1000 by default. */
  readonly timeoutMs?: number;
}

/** Asks buildkitd which builds are running. */
export interface BuildsClient extends Disposable {
  /**
   * Asks once, on a connection that is closed right after. Never rejects.
   *
   * @param namesBuilds - whether this daemon has named a running build before. Otherwise "none" is accepted only if its version, and
   * where that is not enough its records, show that it names all builds.
   */
  ask(namesBuilds?: boolean): Promise<BuildsAnswer>;
  /**
   * The connections of this client as backends name them (`Connection.peer`): those that are open, those
   * that the daemon has not closed yet, and for 100 ms those that failed. A backend that does not know the peers of unix
   * sockets cannot match these: see `isSettled`.
   */
  ownPeers(): readonly string[];
  /** Whether no backend can see a connection of this client. */
  isSettled(): boolean;
  /**
   * Aborts running questions, and refuses later ones: their answers are unknown, with the code `ERR_CLOSED`. A second
   * call does nothing.
   */
  close(): void;
}

/**
 * Makes a client of the method `ListenBuildHistory` of buildkitd's own API
 * (`moby.buildkit.v1.Control`, v0.12.4 and later). It does not know builds that are about to begin, or what a client does
 * after its build: an empty list says nothing about the next moment. Nor does it have solves that a client marked as
 * internal.
 */
export function createBuildsClient({
  endpoint,
  tls = null,
  timeoutMs = 1000,
}: BuildsClientOptions): BuildsClient {
  const own = createOwnSockets();
  const asks = new Set<AbortController>();
  let isClosed = false;

  const askInTime = async (namesBuilds: boolean): Promise<BuildsKnown> => {
    const asking = new AbortController();
    asks.add(asking);
    try {
      return await withTimeout({ endpoint, timeoutMs, asking }, async (signal, onStage) => {
        // A wait that never asks does not load HTTP/2 and TLS.
        const { askDaemon } = await import('./ask.ts');
        return await askDaemon({ endpoint, tls, own, signal, timeoutMs, onStage }, namesBuilds);
      });
    } finally {
      asks.delete(asking);
    }
  };

  const close = (): void => {
    isClosed = true;
    for (const asking of asks) {
      asking.abort(closed());
    }
    own.destroyAll();
  };

  return {
    async ask(namesBuilds = false) {
      try {
        return isClosed ? refuse() : await askInTime(namesBuilds);
      } catch (error) {
        return { kind: 'unknown', error: asBackendError(error) };
      }
    },
    ownPeers: own.peers,
    isSettled: own.isEmpty,
    close,
    [Symbol.dispose]: close,
  };
}

function refuse(): never {
  throw closed();
}

function closed(): BackendError {
  return callError('ERR_CLOSED', 'the client was closed');
}
