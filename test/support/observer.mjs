// Looks with the inspectors of the built package, from the namespaces that it was started in.
import { createProcfsInspector, createSockDiagInspector, parseEndpoint } from '../../dist/index.js';
import { serveCommands } from './commands.mjs';

const sockDiag = createSockDiagInspector();

await serveCommands({
  look({ by, address, netDirectory, asksFirst }) {
    const inspector = by === 'sock-diag' ? sockDiag : createProcfsInspector(netDirectory);
    const endpoint = parseEndpoint(address);
    const wasUnchanged = asksFirst ? (inspector.isUnchanged?.(endpoint) ?? null) : null;
    const { listenerInodes, connections } = inspector.look(endpoint);
    const traffic = inspector.traffic?.(endpoint);
    return {
      name: inspector.name,
      wasUnchanged,
      listenerInodes,
      connections,
      traffic: connections.map((connection) => traffic?.get(connection) ?? null),
    };
  },
});
