import type { Endpoint } from '../backends/types.ts';
import { asBackendError } from '../grpc/errors.ts';
import { createOwnSockets } from '../grpc/own-sockets.ts';
import type { GrpcConnection, TlsConfig } from '../grpc/types.ts';
import { withTimeout } from '../grpc/with-timeout.ts';
import type { StoreReport } from './types.ts';

// To connect, and to the first HTTP/2 frame.
const connectTimeoutMs = 10_000;

// containerd sends at least every mebibyte: a store that sends nothing for so long is stuck.
const idleMs = 30_000;

export interface StoreInput {
  readonly endpoint: Endpoint;
  readonly tls: TlsConfig | null;
  /** Raised with the error that the check then fails with. */
  readonly signal: AbortSignal;
}

/**
 * Checks a store over a connection of its own. Never rejects: why there was no connection is in the report.
 *
 * @param check gets the connection and the store's address.
 */
export async function verifyStore(
  { endpoint, tls, signal }: StoreInput,
  check: (connection: GrpcConnection, store: string) => Promise<StoreReport>,
): Promise<StoreReport> {
  const store = endpoint.address;
  try {
    signal.throwIfAborted();
    // HTTP/2 and TLS are loaded when they are needed.
    const { openConnection } = await import('../grpc/session.ts');
    const asking = new AbortController();
    signal.addEventListener('abort', () => asking.abort(signal.reason), { once: true });
    const limit = { endpoint, timeoutMs: connectTimeoutMs, asking };
    const own = createOwnSockets();
    const connection = await withTimeout(limit, (stop, onStage) =>
      openConnection({ endpoint, tls, own, signal: stop, onStage, idleMs, isBulk: true }),
    );
    try {
      return await check(connection, store);
    } finally {
      connection.close();
    }
  } catch (error) {
    return notReached(store, asBackendError(error));
  }
}

export function notReached(store: string, error: StoreReport['error']): StoreReport {
  const blobs = { checked: 0, bytes: 0, broken: [], unchecked: [] };
  return { store, namespace: null, error, blobs, images: [], snapshots: null, removed: [] };
}
