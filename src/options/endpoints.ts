import type { Endpoint } from '../backends/types.ts';
import { BadValueError } from './bad-value.ts';
import { parseEndpoint } from './endpoint.ts';
import { parseWholeNumber } from './number.ts';
import type { Environment } from './read-options.ts';

// Where rootless buildkitd has its socket. In a longer directory there is no room for one.
const rootlessDirectory = /^\/[\w./-]{1,70}$/;

/** The addresses that variables name which others set: none of them says where all clients come in. */
interface NamedEndpoints {
  readonly endpoints: readonly Endpoint[];
  readonly ignored: readonly IgnoredVariable[];
}

/** A variable that is as good as unset, since its value is nothing that can be watched here. */
interface IgnoredVariable {
  readonly variable: string;
  /** What was expected, and what was received. */
  readonly reason: string;
}

/**
 * The address that clients use, `BUILDKIT_HOST`, and the shell script's `BUILDKITD_PORT`. Other
 * programs set these for purposes of their own, so that no value of them is an error.
 */
export function namedEndpoints(env: Environment): NamedEndpoints {
  const endpoints: Endpoint[] = [];
  const ignored: IgnoredVariable[] = [];
  for (const [variable, parse] of variables) {
    const text = env[variable];
    try {
      const endpoint = text ? parse(text) : null;
      endpoints.push(...(endpoint === null ? [] : [endpoint]));
    } catch (error) {
      if (!(error instanceof BadValueError)) {
        throw error;
      }
      ignored.push({ variable, reason: error.message });
    }
  }
  return { endpoints, ignored };
}

const variables = [
  ['BUILDKIT_HOST', parseEndpoint],
  ['BUILDKITD_PORT', parseScriptPort],
] as const;

function parseScriptPort(text: string): Endpoint | null {
  // For a Service called buildkitd, Kubernetes itself sets BUILDKITD_PORT=tcp://10.0.0.1:1234 in
  // every pod of its namespace. That is no setting of ours, and its port need not be the pod's.
  return text.includes('://')
    ? null
    : parseEndpoint(`tcp://0.0.0.0:${parseWholeNumber(text, 1, 65535)}`);
}

/** Where buildkitd listens when it is told nothing. */
export function defaultEndpoints(env: Environment): Endpoint[] {
  const tcp = parseEndpoint('tcp://0.0.0.0:1234');
  const system = parseEndpoint('unix:///run/buildkit/buildkitd.sock');
  const runtimeDirectory = env['XDG_RUNTIME_DIR'] ?? '';
  return rootlessDirectory.test(runtimeDirectory)
    ? [tcp, system, parseEndpoint(`unix://${runtimeDirectory}/buildkit/buildkitd.sock`)]
    : [tcp, system];
}
