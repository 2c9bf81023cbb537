import type { BackendError, Endpoint } from '../backends/types.ts';
import { asBackendError, askError } from './errors.ts';
import { createOwnSockets } from './own-sockets.ts';
import type { BuildsAnswer, BuildsKnown, TlsConfig } from './types.ts';
import { withTimeout } from './with-timeout.ts';

export interface BuildsClientOptions {
  /** Where buildkitd listens. On all addresses means that it is asked over the loopback interface. */
  readonly endpoint: Endpoint;
  /** Null, also the default, for a daemon without TLS. Over a unix socket buildkitd has none. */
  readonly tls?: TlsConfig | null;
  /** How long an answer may take, from the begin of the connection on: 1000 by default. */
  readonly timeoutMs?: number;
}

/** Asks buildkitd which builds it runs. */
export interface BuildsClient {
  /**
   * Asks once, on a connection that is closed right after. Never rejects.
   *
   * @param namesBuilds whether this daemon has named a running build before. Otherwise it is believed
   * to run none only if its version, and where that is not enough its records, say that it names all.
   */
  ask(namesBuilds?: boolean): Promise<BuildsAnswer>;
  /**
   * The connections of this client as backends name them (`Connection.peer`): those that are open,
   * those that the daemon has not closed at its end yet, and for 100 ms those that broke. A backend
   * that can't tell the peers of unix sockets can't tell these either: see `isSettled`.
   */
  ownPeers(): readonly string[];
  /** Whether no connection of this client can be among what a backend sees. */
  isSettled(): boolean;
  /** Ends what is under way: its answer is unknown. A second call does nothing. */
  close(): void;
}

/**
 * Makes a client of the method `ListenBuildHistory` of buildkitd's own API
 * (`moby.buildkit.v1.Control`, v0.12.4 and later). It leaves out builds that are about to begin, and
 * what a client does after its build: a list of none says nothing of the next moment. Nor does it
 * have solves that a client has marked as internal.
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
        // Whoever never asks does not load HTTP/2 and TLS.
        const { askDaemon } = await import('./ask.ts');
        return await askDaemon({ endpoint, tls, own, signal, timeoutMs, onStage }, namesBuilds);
      });
    } finally {
      asks.delete(asking);
    }
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
    close() {
      isClosed = true;
      for (const asking of asks) {
        asking.abort(closed());
      }
      own.destroyAll();
    },
  };
}

function refuse(): never {
  throw closed();
}

function closed(): BackendError {
  return askError('ERR_CLOSED', 'the client was closed');
}
