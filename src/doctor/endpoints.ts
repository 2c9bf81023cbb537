import type { Backend, Endpoint } from '../backends/types.ts';
import type { BackendView, EndpointFacts } from './types.ts';
import { attempt } from './types.ts';

// Between the polls of two backends a connection may open or close.
const mostTries = 3;

/** Polls an endpoint by each backend on its own. */
export function compareBackends(
  endpoint: Endpoint,
  isAssumed: boolean,
  backends: readonly Backend[],
): EndpointFacts {
  let views = pollByEach(endpoint, backends);
  for (let tries = 1; tries < mostTries && !agree(views); tries += 1) {
    views = pollByEach(endpoint, backends);
  }
  return { endpoint, isAssumed, backends: views };
}

/** Whether all backends that could poll an endpoint saw the same. */
export function agree(views: readonly BackendView[]): boolean {
  const snapshots = views.flatMap(({ seen }) => (seen.kind === 'done' ? [seen.value] : []));
  return snapshots.every(
    ({ isListening, connections }) =>
      isListening === snapshots[0]?.isListening && connections === snapshots[0]?.connections,
  );
}

function pollByEach(endpoint: Endpoint, backends: readonly Backend[]): BackendView[] {
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
