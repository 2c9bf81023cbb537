import type { BackendError, Endpoint } from '../backends/types.ts';
import { asBackendError } from '../grpc/errors.ts';
import { createOwnSockets } from '../grpc/own-sockets.ts';
import type { TlsConfig } from '../grpc/types.ts';
import { withTimeout } from '../grpc/with-timeout.ts';

/**
 * The result of calling an endpoint: buildkitd's API `answered`; or the connection was accepted with TLS, and a client
 * certificate is required (`certificate-wanted`); or neither.
 */
export type ApiProbe =
  | { readonly kind: 'answered' | 'certificate-wanted' }
  | { readonly kind: 'unanswered'; readonly error: BackendError };

/**
 * Checks whether a daemon answers on an endpoint, on a connection that is closed right after. Without TLS options, TLS
 * is tried over TCP where the daemon does not understand plain text. The probe sends nothing confidential, so the daemon's
 * certificate is not checked then.
 *
 * @param timeoutMs for the answer, from the start of the connection. Never rejects.
 */
export async function probeApi(
  endpoint: Endpoint,
  tls: TlsConfig | null,
  timeoutMs: number,
): Promise<ApiProbe> {
  const own = createOwnSockets();
  try {
    // Loading it takes our time, not the daemon's.
    const { askForLife } = await import('./ask.ts');
    const limit = { endpoint, timeoutMs, asking: new AbortController() };
    return await withTimeout(limit, async (signal, onStage) => {
      const probeWith = (by: TlsConfig | 'unverified' | null): Promise<void> =>
        askForLife({ endpoint, tls: by, own, signal, timeoutMs, onStage });
      try {
        await probeWith(tls);
      } catch (error) {
        const code = asBackendError(error).code;
        if (tls !== null || endpoint.kind === 'unix' || code !== 'ERR_NO_GRPC') {
          throw error;
        }
        return await probeUnverified(() => probeWith('unverified'), error);
      }
      return { kind: 'answered' };
    });
  } catch (error) {
    return { kind: 'unanswered', error: asBackendError(error) };
  }
}

async function probeUnverified(probeOnce: () => Promise<void>, plain: unknown): Promise<ApiProbe> {
  try {
    await probeOnce();
    return { kind: 'answered' };
  } catch (error) {
    const { code } = asBackendError(error);
    if (['ERR_TLS_CLIENT_CERT', 'ERR_TLS_REFUSED'].includes(code)) {
      return { kind: 'certificate-wanted' };
    }
    // Where TLS fails as well, the error without TLS says more.
    throw ['ERR_NO_TLS', 'ERR_TLS'].includes(code) ? plain : error;
  }
}
