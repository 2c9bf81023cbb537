import { BackendError, type Endpoint, type Sample } from '../backends/types.ts';
import type { ApiProbe } from '../builds/probe-api.ts';

export interface CheckInput {
  /** One poll of all endpoints. */
  readonly sample: Sample;
  /** Addresses in the daemon's settings where it does not listen. */
  readonly notListening: readonly string[];
  /** For each daemon that listens, where its API can be called from here. */
  readonly daemons: readonly (readonly Endpoint[])[];
  /** Finds drain markers; null where drains do not matter. @throws BackendError */
  readonly findMarkers: ((endpoints: readonly Endpoint[]) => readonly string[]) | null;
  readonly probe: (endpoint: Endpoint) => Promise<ApiProbe>;
}

/**
 * Whether the daemon serves. A listener alone proves nothing, since the kernel accepts connections for a process that
 * hangs. So the daemon must answer, at each endpoint where its API can be called.
 */
export async function checkReadiness(input: CheckInput): Promise<Readiness> {
  return drainUnderWay(input) ?? missingListener(input) ?? (await probeAll(input));
}

function drainUnderWay({ sample, findMarkers }: CheckInput): NotReady | null {
  try {
    const markers = findMarkers?.(sample.results.map(({ endpoint }) => endpoint)) ?? [];
    return markers.length > 0 ? { kind: 'draining', markers } : null;
  } catch (error) {
    if (error instanceof BackendError) {
      return { kind: 'drain-unknown', error };
    }
    throw error;
  }
}

function missingListener({ sample, notListening, daemons }: CheckInput): NotReady | null {
  if (sample.kind === 'gone') {
    return { kind: 'gone' };
  }
  if (sample.kind === 'failed') {
    return { kind: 'failed', error: sample.error };
  }
  const without = sample.results.filter(
    (result) => result.kind === 'polled' && result.snapshot.listenerInodes.length === 0,
  );
  if (without.length > 0) {
    return { kind: 'no-listener', addresses: without.map(({ endpoint }) => endpoint.address) };
  }
  if (notListening.length > 0) {
    return { kind: 'not-listening', addresses: notListening };
  }
  return daemons.some((endpoints) => endpoints.length === 0)
    ? { kind: 'unreachable', addresses: sample.results.map(({ endpoint }) => endpoint.address) }
    : null;
}

async function probeAll({ sample, daemons, probe }: CheckInput): Promise<Readiness> {
  const probes = await Promise.all(
    daemons.flat().map(async (endpoint) => ({ endpoint, result: await probe(endpoint) })),
  );
  for (const { endpoint, result } of probes) {
    if (result.kind === 'unanswered') {
      const { error } = result;
      return { kind: 'unanswered', error, queued: queuedAt(sample, endpoint) };
    }
  }
  const where = (kind: ApiProbe['kind']): Endpoint[] =>
    probes.flatMap(({ endpoint, result }) => (result.kind === kind ? [endpoint] : []));
  return { kind: 'ready', answered: where('answered'), tlsOnly: where('certificate-wanted') };
}

function queuedAt(sample: Sample, { address }: Endpoint): number {
  const connections = sample.kind === 'gone' ? [] : sample.connections;
  return connections.filter(({ endpoint, inode }) => endpoint === address && inode === 0).length;
}

/** Whether the daemon serves: `ready` only if it was seen to. */
export type Readiness =
  | {
      readonly kind: 'ready';
      /** Where its API answered. */
      readonly answered: readonly Endpoint[];
      /** Where it accepted a connection and spoke TLS, but requires a client certificate. */
      readonly tlsOnly: readonly Endpoint[];
    }
  | NotReady;

export type NotReady =
  /** A drain has begun, and published these markers. */
  | { readonly kind: 'draining'; readonly markers: readonly string[] }
  /** Whether a drain has begun is unknown. */
  | { readonly kind: 'drain-unknown'; readonly error: BackendError }
  /** Nothing listens, and no process of it is left. */
  | { readonly kind: 'gone' }
  /** Whether an endpoint has a listener is unknown. */
  | { readonly kind: 'failed'; readonly error: BackendError }
  /** It does not listen on these addresses of its settings. */
  | { readonly kind: 'not-listening'; readonly addresses: readonly string[] }
  /** Nothing listens there, and the daemon is alive. */
  | { readonly kind: 'no-listener'; readonly addresses: readonly string[] }
  /** It listens, but not where its API can be called from here. */
  | { readonly kind: 'unreachable'; readonly addresses: readonly string[] }
  | {
      readonly kind: 'unanswered';
      readonly error: BackendError;
      /** Connections there that have not been accepted. */
      readonly queued: number;
    };
