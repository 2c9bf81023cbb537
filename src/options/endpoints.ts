import type { Endpoint } from '../inspect/types.ts';
import { parseEndpoint } from './endpoint.ts';
import { parseWholeNumber } from './number.ts';
import { type Environment, parseFrom } from './read-options.ts';

// Where rootless buildkitd has its socket. In a longer directory there is no room for one.
const rootlessDirectory = /^\/[\w./-]{1,70}$/;

/** The addresses that were given, by `--addr` or else by `BUILDKIT_HOST`. @throws UsageError */
export function givenEndpoints(given: readonly Endpoint[], env: Environment): readonly Endpoint[] {
  const host = env['BUILDKIT_HOST'];
  return given.length === 0 && host
    ? [parseFrom('BUILDKIT_HOST', () => parseEndpoint(host))]
    : given;
}

/** Where buildkitd listens when it is told nothing, or what the script was told. @throws UsageError */
export function assumedEndpoints(env: Environment): Endpoint[] {
  const tcp = scriptEndpoint(env) ?? parseEndpoint('tcp://0.0.0.0:1234');
  const system = parseEndpoint('unix:///run/buildkit/buildkitd.sock');
  const runtimeDirectory = env['XDG_RUNTIME_DIR'] ?? '';
  return rootlessDirectory.test(runtimeDirectory)
    ? [tcp, system, parseEndpoint(`unix://${runtimeDirectory}/buildkit/buildkitd.sock`)]
    : [tcp, system];
}

/** The shell script's `BUILDKITD_PORT`; null without it. @throws UsageError */
export function scriptEndpoint(env: Environment): Endpoint | null {
  const port = scriptPort(env);
  return port === null ? null : parseEndpoint(`tcp://0.0.0.0:${port}`);
}

function scriptPort(env: Environment): number | null {
  const text = env['BUILDKITD_PORT'];
  // For a Service called buildkitd, Kubernetes itself sets BUILDKITD_PORT=tcp://10.0.0.1:1234 in
  // every pod of its namespace. That is no setting of ours, and its port need not be the pod's.
  if (!text || text.includes('://')) {
    return null;
  }
  return parseFrom('BUILDKITD_PORT', () => parseWholeNumber(text, 1, 65535));
}
