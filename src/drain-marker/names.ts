import { createHash } from 'node:crypto';
import { socketNames } from '../backends/addresses.ts';
import type { Endpoint } from '../backends/types.ts';

const folder = 'buildkit-drain/drain';

// A path may be as long as the whole name of a mark.
const digestCharacters = 16;

/**
 * What the names of the marks of an endpoint's drain begin with: the port, or what is left of a
 * path. A path that can be written in two ways has two.
 */
export function markFolders(endpoint: Endpoint): string[] {
  return endpoint.kind === 'tcp'
    ? [`${folder}/tcp/${endpoint.localPort}/`]
    : socketNames(endpoint.path).map((name) => `${folder}/unix/${digest(name)}/`);
}

function digest(name: string): string {
  return createHash('sha256').update(name).digest('hex').slice(0, digestCharacters);
}
