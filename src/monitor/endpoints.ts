import { basename } from 'node:path';
import { socketNames } from '../backends/addresses.ts';
import { type Listener, listenerText } from '../backends/procfs/listeners.ts';
import type { Endpoint } from '../backends/types.ts';
import { parseEndpoint } from '../options/endpoint.ts';
import { type DaemonSettings, readDaemonSettings } from './daemon-settings.ts';
import { createSocketsReader, type SocketsReader } from './watch-processes.ts';

/** Equal for endpoints that a poll can't tell apart: TCP endpoints differ by their port alone. */
export function endpointKey(endpoint: Endpoint): string {
  return endpoint.kind === 'tcp' ? `tcp ${endpoint.localPort}` : `unix ${endpoint.path}`;
}

/** Removes repeated endpoints. Two paths that lead to one socket are left to the sampler. */
export function uniqueEndpoints(endpoints: readonly Endpoint[]): Endpoint[] {
  const keys = endpoints.map(endpointKey);
  return endpoints.filter((_, index) => keys.indexOf(keys[index] ?? '') === index);
}

/** Whether two endpoints are, or may be, the same: one port, or paths that lead to one file. */
export function mayBeSameEndpoint(one: Endpoint, other: Endpoint): boolean {
  const names = namesOf(other);
  return namesOf(one).some((name) => names.includes(name));
}

function namesOf(endpoint: Endpoint): readonly string[] {
  return endpoint.kind === 'tcp' ? [endpointKey(endpoint)] : socketNames(endpoint.path);
}

export interface MatchedListeners {
  readonly endpoints: readonly Endpoint[];
  /** Configured endpoints that have no listener. */
  readonly unheard: readonly Endpoint[];
  /** Listeners whose names are not text. */
  readonly unnameable: readonly string[];
}

/**
 * The endpoints behind a daemon's listeners, written as in its settings where they are there. Each
 * port appears once, since a port is what is polled. Listeners for other purposes are left out.
 */
export function matchListeners(
  listeners: readonly Listener[],
  settings: DaemonSettings,
): MatchedListeners {
  const configured = configuredEndpoints(settings);
  const forClients = listeners.filter((listener) => isForClients(listener, settings));
  const nameable = forClients.filter(isNameable);
  const endpoints = new Map<string, Endpoint>();
  for (const listener of nameable) {
    const found = endpointOf(listener);
    const asWritten = configured.find((each) => endpointKey(each) === endpointKey(found));
    endpoints.set(endpointKey(found), endpoints.get(endpointKey(found)) ?? asWritten ?? found);
  }
  return {
    endpoints: [...endpoints.values()],
    unheard: configured.filter((each) => !endpoints.has(endpointKey(each))),
    unnameable: forClients.filter((listener) => !isNameable(listener)).map(listenerText),
  };
}

/** The configured addresses that are endpoints; `fd://` is not. */
export function configuredEndpoints({ addresses }: DaemonSettings): Endpoint[] {
  return addresses.flatMap((address) => endpointFrom(address) ?? []);
}

function endpointFrom(address: string): Endpoint | null {
  try {
    return parseEndpoint(address);
  } catch {
    return null;
  }
}

/** The endpoint of a listener that no setting names. */
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

/** False for listeners that serve the daemon's own metrics and traces, or a build's ssh agent. */
function isForClients(listener: Listener, settings: DaemonSettings): boolean {
  const key = endpointKey(endpointOf(listener));
  if (configuredEndpoints(settings).some((each) => endpointKey(each) === key)) {
    return true;
  }
  const debug = debugEndpoint(settings);
  if (debug !== null && endpointKey(debug) === key) {
    return false;
  }
  return listener.kind === 'tcp' || !isOwnSocket(nameOf(listener.name), settings);
}

function debugEndpoint({ debugAddress }: DaemonSettings): Endpoint | null {
  if (debugAddress === null) {
    return null;
  }
  return endpointFrom(debugAddress.includes('://') ? debugAddress : `tcp://${debugAddress}`);
}

// util/appdefaults/appdefaults_unix.go, TraceSocketPath, and session/sshforward/ssh.go of BuildKit.
const defaultOtelName = 'otel-grpc.sock';
const agentSocket = /\/\.buildkit-ssh-sock\d+\/ssh_auth_sock$/;

function isOwnSocket(path: string, { otelSocketPath }: DaemonSettings): boolean {
  const isOtel =
    otelSocketPath === null ? basename(path) === defaultOtelName : path === otelSocketPath;
  return isOtel || agentSocket.test(path);
}

/** Creates a reader of a daemon's sockets that are for clients, as far as its settings tell. */
export function createClientSocketsReader(procRoot: string): SocketsReader {
  return createSocketsReader(procRoot, (pid, held) => {
    const { settings, notices } = readDaemonSettings(procRoot, pid);
    const ports = notices.length > 0 ? null : configuredPorts(settings);
    return {
      ...held,
      listeners: held.listeners.filter((listener) => isForClients(listener, settings)),
      connections: held.connections.filter((each) =>
        each.kind === 'tcp'
          ? ports === null || ports.includes(each.localPort)
          : isForClients(each, settings),
      ),
    };
  });
}

/**
 * The ports that clients connect to. The daemon's other TCP connections are its own: to registries,
 * and to where it sends traces. Null if they are unknown: nothing is configured, or an `fd://`.
 */
function configuredPorts(settings: DaemonSettings): number[] | null {
  const configured = configuredEndpoints(settings);
  return configured.length === 0 || configured.length < settings.addresses.length
    ? null
    : configured.flatMap((endpoint) => (endpoint.kind === 'tcp' ? [endpoint.localPort] : []));
}
