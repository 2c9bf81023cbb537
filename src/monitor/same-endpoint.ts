import { socketNames } from '../backends/addresses.ts';
import type { Endpoint } from '../backends/types.ts';
import { endpointKey } from './endpoint-key.ts';

/** Whether two endpoints are, or may be, one: the same port, or paths that lead to one place. */
export function mayBeSameEndpoint(one: Endpoint, other: Endpoint): boolean {
  const names = namesOf(other);
  return namesOf(one).some((name) => names.includes(name));
}

/** Endpoints, each place once. Paths that lead to one place are told by what is seen there. */
export function uniqueEndpoints(endpoints: readonly Endpoint[]): Endpoint[] {
  const places = endpoints.map(endpointKey);
  return endpoints.filter((_, index) => places.indexOf(places[index] ?? '') === index);
}

function namesOf(endpoint: Endpoint): readonly string[] {
  return endpoint.kind === 'tcp' ? [endpointKey(endpoint)] : socketNames(endpoint.path);
}
