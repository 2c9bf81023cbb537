import type { Endpoint } from '../inspect/types.ts';
import { parseEndpoint } from './endpoint.ts';
import { parseWholeNumber } from './number.ts';
import { type Environment, parseFrom } from './read-options.ts';

export interface ChosenEndpoint {
  readonly endpoint: Endpoint;
  /** A default that nobody asked for. */
  readonly isAssumed: boolean;
}

// Where rootless buildkitd has its socket. In a longer directory there is no room for one.
const rootlessDirectory = /^\/[\w./-]{1,70}$/;

/**
 * What to watch: the given addresses, else `BUILDKIT_HOST`, else where buildkitd listens when it is
 * told nothing.
 *
 * @throws UsageError
 */
export function chooseEndpoints(given: readonly Endpoint[], env: Environment): ChosenEndpoint[] {
  if (given.length > 0) {
    return given.map((endpoint) => ({ endpoint, isAssumed: false }));
  }
  const host = env['BUILDKIT_HOST'];
  if (host) {
    const endpoint = parseFrom('BUILDKIT_HOST', () => parseEndpoint(host));
    return [{ endpoint, isAssumed: false }];
  }
  return defaultAddresses(env).map((address) => ({
    endpoint: parseEndpoint(address),
    isAssumed: true,
  }));
}

function defaultAddresses(env: Environment): string[] {
  const addresses = [
    `tcp://0.0.0.0:${scriptPort(env) ?? 1234}`,
    'unix:///run/buildkit/buildkitd.sock',
  ];
  const runtimeDirectory = env['XDG_RUNTIME_DIR'] ?? '';
  return rootlessDirectory.test(runtimeDirectory)
    ? [...addresses, `unix://${runtimeDirectory}/buildkit/buildkitd.sock`]
    : addresses;
}

/** The shell script's `BUILDKITD_PORT`. */
function scriptPort(env: Environment): number | null {
  const text = env['BUILDKITD_PORT'];
  // For a Service called buildkitd, Kubernetes itself sets BUILDKITD_PORT=tcp://10.0.0.1:1234 in
  // every pod of its namespace. That is no setting of ours, and its port need not be the pod's.
  if (!text || text.includes('://')) {
    return null;
  }
  return parseFrom('BUILDKITD_PORT', () => parseWholeNumber(text, 1, 65535));
}
