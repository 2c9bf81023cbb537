import type { BackendError, Endpoint } from '../backends/types.ts';
import { asBackendError } from './errors.ts';
import { createOwnSockets } from './own-sockets.ts';
import type { TlsConfig } from './types.ts';
import { withTimeout } from './with-timeout.ts';

/**
 * What came of knocking at an endpoint: buildkitd's API has `answered`; or somebody there has taken
 * the connection and spoken TLS, and wants a certificate (`certificate-wanted`); or no such thing.
 */
export type Knock =
  | { readonly kind: 'answered' | 'certificate-wanted' }
  | { readonly kind: 'unanswered'; readonly error: BackendError };

/**
 * Asks whether a daemon answers at an endpoint, on a connection that is closed right after. Without
 * TLS being asked for it is tried over TCP where nothing else is understood: nothing is told to whoever
 * is there, so that his certificate does not matter.
 *
 * @param timeoutMs for the answer, from the begin of the connection on. Never rejects.
 */
export async function probeApi(
  endpoint: Endpoint,
  tls: TlsConfig | null,
  timeoutMs: number,
): Promise<Knock> {
  const own = createOwnSockets();
  try {
    // To load it is our time, and not the daemon's.
    const { askForLife } = await import('./ask.ts');
    const limit = { endpoint, timeoutMs, asking: new AbortController() };
    return await withTimeout(limit, async (signal, onStage) => {
      const knockBy = (by: TlsConfig | 'unverified' | null): Promise<void> =>
        askForLife({ endpoint, tls: by, own, signal, timeoutMs, onStage });
      try {
        await knockBy(tls);
      } catch (error) {
        const code = asBackendError(error).code;
        if (tls !== null || endpoint.kind === 'unix' || code !== 'ERR_NO_GRPC') {
          throw error;
        }
        return await knockUnverified(() => knockBy('unverified'), error);
      }
      return { kind: 'answered' };
    });
  } catch (error) {
    return { kind: 'unanswered', error: asBackendError(error) };
  }
}

async function knockUnverified(knockOnce: () => Promise<void>, plain: unknown): Promise<Knock> {
  try {
    await knockOnce();
    return { kind: 'answered' };
  } catch (error) {
    const { code } = asBackendError(error);
    if (['ERR_TLS_CLIENT_CERT', 'ERR_TLS_REFUSED'].includes(code)) {
      return { kind: 'certificate-wanted' };
    }
    // Who speaks no TLS either is best described by what came of speaking without it.
    throw ['ERR_NO_TLS', 'ERR_TLS'].includes(code) ? plain : error;
  }
}
