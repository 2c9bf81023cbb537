// Waits for a real client to leave, and prints the outcome.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { waitForDrain } from 'buildkit-drain';

const server = createServer().listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address();
const client = connect(port, '127.0.0.1');
await once(client, 'connect');
const { kind } = await waitForDrain({
  addresses: [`tcp://127.0.0.1:${port}`],
  builds: 'off',
  quietPeriodMs: 50,
  onEvent(event) {
    if (event.kind === 'started') {
      setTimeout(() => client.destroy(), 100);
    }
  },
});
server.close();
console.log(JSON.stringify({ kind, isClientGone: client.destroyed }));
