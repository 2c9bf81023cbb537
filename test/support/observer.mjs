// Polls with the backends of the built package, from the namespaces that it was started in.
import { createProcfsBackend, createSockDiagBackend, parseEndpoint } from '../../dist/index.js';
import { serveCommands } from './commands.mjs';

const sockDiag = createSockDiagBackend();
const endpoints = new Map();

function opened(by, address, netDirectory) {
  const key = [by, address, netDirectory].join(' ');
  const backend = by === 'sock-diag' ? sockDiag : createProcfsBackend(netDirectory);
  const known = endpoints.get(key) ?? {
    name: backend.name,
    open: backend.open(parseEndpoint(address)),
    revision: null,
  };
  endpoints.set(key, known);
  return known;
}

await serveCommands({
  poll({ by, address, netDirectory }) {
    const known = opened(by, address, netDirectory);
    const { revision, listenerInodes, connections } = known.open.poll();
    const isUnchanged = revision === known.revision;
    known.revision = revision;
    const traffic = known.open.tcp?.traffic();
    return {
      name: known.name,
      revision,
      isUnchanged,
      listenerInodes,
      connections,
      traffic: connections.map((connection) => traffic?.get(connection) ?? null),
    };
  },
});
