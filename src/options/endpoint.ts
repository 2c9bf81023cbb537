import { isIP } from 'node:net';
import type { Endpoint } from '../backends/types.ts';
import type { Environment } from './read.ts';
import { BadValueError, parseWholeNumber } from './values.ts';

const expected = 'an address such as tcp://0.0.0.0:1234 or unix:///run/buildkit/buildkitd.sock';

// unix(7): sun_path has 108 bytes, of which one is the zero at the end or that of an abstract name.
const longestNameBytes = 107;

/**
 * Parses an address as buildkitd writes it in `--addr`.
 *
 * Only the port of a TCP address selects connections: a daemon that listens on one address may be reached by others, and a
 * client that is not seen is a build that is killed.
 *
 * @throws BadValueError
 */
export function parseEndpoint(text: string): Endpoint {
  if (text.startsWith('tcp://')) {
    return { kind: 'tcp', address: text, localPort: parseHostPort(text) };
  }
  if (text.startsWith('unix://')) {
    return { kind: 'unix', address: text, path: parseSocketPath(text) };
  }
  if (text.startsWith('fd://')) {
    throw new BadValueError(`${expected}: for fd:// give what the socket unit listens on`, text);
  }
  throw new BadValueError(expected, text);
}

function parseHostPort(text: string): number {
  const [, host, port] = /^tcp:\/\/(\[[^\]]*\]|[^:/?#\s]*):(\d+)$/.exec(text) ?? [];
  if (host === undefined || port === undefined) {
    throw new BadValueError(expected, text);
  }
  if (host.startsWith('[') && isIP(host.slice(1, -1)) !== 6) {
    throw new BadValueError('an IPv6 address within the brackets', text);
  }
  const localPort = Number(port);
  if (localPort < 1 || localPort > 65535) {
    throw new BadValueError('an address with a port from 1 to 65535', text);
  }
  return localPort;
}

function parseSocketPath(text: string): string {
  const path = text.slice('unix://'.length);
  if (!/^[/@]./.test(path)) {
    throw new BadValueError(`${expected}, the path absolute or, for an abstract name, @…`, text);
  }
  // A line feed would make extra lines in /proc/net/unix, and a zero byte ends a path.
  if ([...path].some((character) => character < ' ')) {
    throw new BadValueError('a socket path without control characters', text);
  }
  const name = path.startsWith('@') ? path.slice(1) : path;
  if (Buffer.byteLength(name) > longestNameBytes) {
    throw new BadValueError(`a socket path of at most ${longestNameBytes} bytes`, text);
  }
  return path;
}

// Where rootless buildkitd has its socket. In a longer directory there is no room for one.
const rootlessDirectory = /^\/[\w./-]{1,70}$/;

/** The addresses in environment variables of other programs. None of them says where all clients connect. */
interface NamedEndpoints {
  readonly endpoints: readonly Endpoint[];
  readonly ignored: readonly IgnoredVariable[];
}

/** A variable that is ignored, since its value cannot be watched here. */
interface IgnoredVariable {
  readonly variable: string;
  /** What was expected, and what was received. */
  readonly reason: string;
}

/**
 * The address that clients use, `BUILDKIT_HOST`, and the shell script's `BUILDKITD_PORT`. Other
 * programs set these for their own purposes, so no value of them is an error.
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

/** The addresses that buildkitd listens on by default. */
export function defaultEndpoints(env: Environment): Endpoint[] {
  const tcp = parseEndpoint('tcp://0.0.0.0:1234');
  const system = parseEndpoint('unix:///run/buildkit/buildkitd.sock');
  const runtimeDirectory = env['XDG_RUNTIME_DIR'] ?? '';
  return rootlessDirectory.test(runtimeDirectory)
    ? [tcp, system, parseEndpoint(`unix://${runtimeDirectory}/buildkit/buildkitd.sock`)]
    : [tcp, system];
}
