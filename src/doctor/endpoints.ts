import type { Backend, Endpoint } from '../backends/types.ts';
import type { EndpointFacts, MeansSight } from './types.ts';
import { attempt } from './types.ts';

// Between the looks of two means a connection may come or go.
const mostTries = 3;

/** Has each means of looking look at an endpoint by itself. */
export function compareMeans(
  endpoint: Endpoint,
  isAssumed: boolean,
  backends: readonly Backend[],
): EndpointFacts {
  let means = lookByEach(endpoint, backends);
  for (let tries = 1; tries < mostTries && !agree(means); tries += 1) {
    means = lookByEach(endpoint, backends);
  }
  return { endpoint, isAssumed, means };
}

/** Whether all that see an endpoint see the same of it. */
export function agree(means: readonly MeansSight[]): boolean {
  const snapshots = means.flatMap(({ seen }) => (seen.kind === 'done' ? [seen.value] : []));
  return snapshots.every(
    ({ isListening, connections }) =>
      isListening === snapshots[0]?.isListening && connections === snapshots[0]?.connections,
  );
}

function lookByEach(endpoint: Endpoint, backends: readonly Backend[]): MeansSight[] {
  return backends.map((backend) => ({
    backend: backend.name,
    seen: attempt(() => {
      const open = backend.open(endpoint);
      try {
        const { listenerInodes, connections } = open.poll();
        return { isListening: listenerInodes.length > 0, connections: connections.length };
      } finally {
        open.close();
      }
    }),
  }));
}
