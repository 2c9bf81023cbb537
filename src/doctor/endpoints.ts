import type { Endpoint, Inspector } from '../backends/types.ts';
import { attempt } from './attempt.ts';
import type { EndpointFacts, MeansSight } from './types.ts';

// Between the looks of two means a connection may come or go.
const mostTries = 3;

/** Has each means of looking look at an endpoint by itself. */
export function compareMeans(
  endpoint: Endpoint,
  isAssumed: boolean,
  inspectors: readonly Inspector[],
): EndpointFacts {
  let means = lookByEach(endpoint, inspectors);
  for (let tries = 1; tries < mostTries && !agree(means); tries += 1) {
    means = lookByEach(endpoint, inspectors);
  }
  return { endpoint, isAssumed, means };
}

/** Whether all that see an endpoint see the same of it. */
export function agree(means: readonly MeansSight[]): boolean {
  const sights = means.flatMap(({ seen }) => (seen.kind === 'done' ? [seen.value] : []));
  return sights.every(
    ({ isListening, connections }) =>
      isListening === sights[0]?.isListening && connections === sights[0]?.connections,
  );
}

function lookByEach(endpoint: Endpoint, inspectors: readonly Inspector[]): MeansSight[] {
  return inspectors.map((inspector) => ({
    inspector: inspector.name,
    seen: attempt(() => {
      const { listenerInodes, connections } = inspector.look(endpoint);
      return { isListening: listenerInodes.length > 0, connections: connections.length };
    }),
  }));
}
