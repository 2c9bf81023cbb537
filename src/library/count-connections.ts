import type { Backend, Endpoint } from '../backends/types.ts';
import {
  type EndpointPoller,
  type SkippedBackend,
  withFallback,
} from '../backends/with-fallback.ts';
import { type CountedUpdate, readingOf, type UnknownUpdate } from './connection-changes.ts';

/** How many connections there are; or null, with the reason why that is unknown. */
export type ConnectionsCount = KnownCount | UnknownCount;

/** All connections are known: the same poll saw a listener. */
export interface KnownCount extends Pick<CountedUpdate, 'connections' | 'backend' | 'skipped'> {
  /** Established connections, accepted or still queued. */
  readonly count: number;
}

/** How many connections there are is not known. */
export interface UnknownCount extends Pick<UnknownUpdate, 'error' | 'connections'> {
  /** Unknown, which is never zero. */
  readonly count: null;
}

/** @param backends the preferred one first. */
export function countConnections(
  endpoint: Endpoint,
  backends: readonly Backend[],
): ConnectionsCount {
  const poller = openPoller(endpoint, backends);
  try {
    const { kind: _, ...reading } = readingOf(poller.poll());
    return 'error' in reading
      ? { count: null, ...reading }
      : { count: reading.connections.length, ...reading, skipped: poller.skipped() };
  } finally {
    poller.close();
  }
}

/** Also says why the first of the backends is not used; null if it is. */
export function openPoller(
  endpoint: Endpoint,
  backends: readonly Backend[],
): EndpointPoller & { readonly skipped: () => SkippedBackend | null } {
  let skipped: SkippedBackend | null = null;
  const poller = withFallback(endpoint, backends, (notice) => {
    if (notice.kind !== 'backend-degraded') {
      skipped = notice.backend === backends[0]?.name ? null : notice.skipped;
    }
  });
  return { ...poller, skipped: () => skipped };
}
