import { socketNames } from '../inspect/socket-names.ts';
import type { Endpoint } from '../inspect/types.ts';
import { placeOf } from './match.ts';

/** Endpoints without those that are another one of them, written otherwise. */
export function withoutRepeats(endpoints: readonly Endpoint[]): Endpoint[] {
  return endpoints.filter((endpoint, index) =>
    endpoints.every(
      (other, at) =>
        at === index ||
        !isSeenWith(endpoint, other) ||
        // Of two that show the same, the first one stays.
        (isSeenWith(other, endpoint) && index < at),
    ),
  );
}

/** Whether two endpoints are, or may be, one: the same port, or paths that lead to one place. */
export function maySharePlace(one: Endpoint, other: Endpoint): boolean {
  const names = namesOf(other);
  return namesOf(one).some((name) => names.includes(name));
}

/** Whether whoever looks at the other one sees all that there is to see of this one. */
function isSeenWith(one: Endpoint, other: Endpoint): boolean {
  const names = namesOf(other);
  return namesOf(one).every((name) => names.includes(name));
}

function namesOf(endpoint: Endpoint): readonly string[] {
  return endpoint.kind === 'tcp' ? [placeOf(endpoint)] : socketNames(endpoint.path);
}
