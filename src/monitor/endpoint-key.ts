import { basename } from 'node:path';
import { type Listener, listenerText } from '../backends/procfs/listeners.ts';
import type { Endpoint } from '../backends/types.ts';
import { parseEndpoint } from '../options/endpoint.ts';
import type { Settings } from './settings.ts';

export interface Matched {
  readonly endpoints: readonly Endpoint[];
  /** Those that it was told, and has no listener for. */
  readonly unheard: readonly Endpoint[];
  /** Listeners whose names are no text. */
  readonly unnameable: readonly string[];
}

/**
 * The endpoints that a daemon's listeners are, written as it was told them where it was. One for
 * each port, since a port is what is watched. What it listens on for other purposes is left out.
 */
export function matchListeners(listeners: readonly Listener[], settings: Settings): Matched {
  const configured = configuredEndpoints(settings);
  const forClients = listeners.filter((listener) => isForClients(listener, settings));
  const nameable = forClients.filter(isNameable);
  const endpoints = new Map<string, Endpoint>();
  for (const listener of nameable) {
    const found = endpointOf(listener);
    const told = configured.find((each) => endpointKey(each) === endpointKey(found));
    endpoints.set(endpointKey(found), endpoints.get(endpointKey(found)) ?? told ?? found);
  }
  return {
    endpoints: [...endpoints.values()],
    unheard: configured.filter((each) => !endpoints.has(endpointKey(each))),
    unnameable: forClients.filter((listener) => !isNameable(listener)).map(listenerText),
  };
}

/** The addresses that a daemon was told, as far as they name a place: `fd://` names none. */
export function configuredEndpoints({ addresses }: Settings): Endpoint[] {
  return addresses.flatMap((address) => endpointFrom(address) ?? []);
}

/** What endpoints are told apart by when one looks. */
export function endpointKey(endpoint: Endpoint): string {
  return endpoint.kind === 'tcp' ? `tcp ${endpoint.localPort}` : `unix ${endpoint.path}`;
}

function endpointFrom(address: string): Endpoint | null {
  try {
    return parseEndpoint(address);
  } catch {
    return null;
  }
}

/** The endpoint that a listener is, where nothing is known of how it was written. */
export function endpointOf(listener: Listener): Endpoint {
  const address = visible(listenerText(listener));
  return listener.kind === 'tcp'
    ? { kind: 'tcp', address, localPort: listener.localPort }
    : { kind: 'unix', address, path: nameOf(listener.name) };
}

// A name may hold anything but a zero byte, and its text ends up on terminals.
function visible(text: string): string {
  return text.replace(/\p{Cc}/gu, '?');
}

function nameOf(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString();
}

function isNameable(listener: Listener): boolean {
  return (
    listener.kind === 'tcp' ||
    Buffer.from(nameOf(listener.name)).toString('latin1') === listener.name
  );
}

/** Not so where the daemon serves its own metrics and traces, or a build's ssh agent. */
export function isForClients(listener: Listener, settings: Settings): boolean {
  const place = endpointKey(endpointOf(listener));
  if (configuredEndpoints(settings).some((each) => endpointKey(each) === place)) {
    return true;
  }
  const debug = debugEndpoint(settings);
  if (debug !== null && endpointKey(debug) === place) {
    return false;
  }
  return listener.kind === 'tcp' || !isOwnSocket(nameOf(listener.name), settings);
}

function debugEndpoint({ debugAddress }: Settings): Endpoint | null {
  if (debugAddress === null) {
    return null;
  }
  return endpointFrom(debugAddress.includes('://') ? debugAddress : `tcp://${debugAddress}`);
}

// util/appdefaults/appdefaults_unix.go, TraceSocketPath, and session/sshforward/ssh.go of BuildKit.
const defaultOtelName = 'otel-grpc.sock';
const agentSocket = /\/\.buildkit-ssh-sock\d+\/ssh_auth_sock$/;

function isOwnSocket(path: string, { otelSocketPath }: Settings): boolean {
  const isOtel =
    otelSocketPath === null ? basename(path) === defaultOtelName : path === otelSocketPath;
  return isOtel || agentSocket.test(path);
}
