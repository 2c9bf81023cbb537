// Polls with the backends of the built package, from the namespaces that it was started in.
import { openBackend, parseEndpoint } from '../../dist/index.js';
import { serveCommands } from './commands.mjs';

const endpoints = new Map();

function opened(by, address, netDirectory) {
  const key = [by, address, netDirectory].join(' ');
  if (!endpoints.has(key)) {
    const backend = by === 'sock-diag' ? openBackend(by) : openBackend(by, { netDirectory });
    const open = backend.open(parseEndpoint(address));
    endpoints.set(key, { name: backend.name, open, revision: null });
  }
  return endpoints.get(key);
}

await serveCommands({
  poll({ by, address, netDirectory }) {
    const known = opened(by, address, netDirectory);
    const { revision, listenerInodes, connections } = known.open.poll();
    const isUnchanged = revision === known.revision;
    known.revision = revision;
    const traffic = known.open.traffic?.();
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
