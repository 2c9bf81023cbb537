// Looks with the backends of the built package, from the namespaces that it was started in.
import { createProcfsBackend, createSockDiagBackend, parseEndpoint } from '../../dist/index.js';
import { serveCommands } from './commands.mjs';

const sockDiag = createSockDiagBackend();

await serveCommands({
  poll({ by, address, netDirectory, asksFirst }) {
    const backend = by === 'sock-diag' ? sockDiag : createProcfsBackend(netDirectory);
    const endpoint = parseEndpoint(address);
    const wasUnchanged = asksFirst ? (backend.isUnchanged?.(endpoint) ?? null) : null;
    const { listenerInodes, connections } = backend.poll(endpoint);
    const traffic = backend.traffic?.(endpoint);
    return {
      name: backend.name,
      wasUnchanged,
      listenerInodes,
      connections,
      traffic: connections.map((connection) => traffic?.get(connection) ?? null),
    };
  },
});
