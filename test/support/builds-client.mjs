// Requests builds with the built package, and polls with its backends for the effect.
import { readdirSync } from 'node:fs';
import { createBuildsClient, openBackend, parseEndpoint } from '../../dist/index.js';
import { serveCommands } from './commands.mjs';

const backends = {
  'sock-diag': openBackend('sock-diag'),
  procfs: openBackend('procfs'),
};
let client;
let asked;

const plain = (answer) =>
  answer.kind === 'known'
    ? answer
    : {
        kind: 'unknown',
        code: answer.error.code,
        operation: answer.error.operation,
        message: answer.error.message,
      };

await serveCommands({
  open({ address, ...options }) {
    client = createBuildsClient({ endpoint: parseEndpoint(address), ...options });
  },
  ask: async ({ namesBuilds }) => plain(await client.ask(namesBuilds)),
  /** Does not wait for the answer: `answer` does. */
  begin() {
    asked = client.ask();
  },
  answer: async () => plain(await asked),
  own: () => ({ peers: client.ownPeers(), isSettled: client.isSettled() }),
  poll({ by, address }) {
    const open = backends[by].open(parseEndpoint(address));
    const snapshot = open.poll();
    open.close();
    return snapshot;
  },
  close: () => client.close(),
  descriptors: () => readdirSync('/proc/self/fd').length,
  hasHttp2: () => process.moduleLoadList.includes('NativeModule http2'),
});
