import { configuredEndpoints, isForClients } from './endpoint-key.ts';
import { readSettings } from './read-settings.ts';
import type { Settings } from './settings.ts';
import { createSocketsReader, type SocketsReader } from './watch-processes.ts';

/** Makes what reads which sockets of a daemon are its clients', by what it was told. */
export function createClientSocketsReader(procRoot: string): SocketsReader {
  return createSocketsReader(procRoot, (pid, held) => {
    const { settings, notices } = readSettings(procRoot, pid);
    const ports = notices.length > 0 ? null : toldPorts(settings);
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
 * The ports at which a daemon's clients come in; its other connections are its own, to registries and
 * to where its traces go. Null where they are not known: it was told nothing, or something like fd://.
 */
function toldPorts(settings: Settings): number[] | null {
  const told = configuredEndpoints(settings);
  return told.length === 0 || told.length < settings.addresses.length
    ? null
    : told.flatMap((endpoint) => (endpoint.kind === 'tcp' ? [endpoint.localPort] : []));
}
