// Waits for a real client to leave, and prints the outcome, and how many drain markers there were before it left and
// after the wait.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { waitForDrain } from 'buildkit-drain';

const server = createServer().listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address();
const client = connect(port, '127.0.0.1');
await once(client, 'connect');

const markers = () =>
  readFileSync('/proc/net/unix', 'utf8').split(`@buildkit-drain/drain/tcp/${port}/`).length - 1;
let markersBefore;
const { kind } = await waitForDrain({
  addresses: [`tcp://127.0.0.1:${port}`],
  builds: 'off',
  quietPeriodMs: 50,
  onEvent(event) {
    if (event.kind === 'started') {
      setTimeout(() => {
        markersBefore = markers();
        client.destroy();
      }, 100);
    }
  },
});
server.close();
console.log(
  JSON.stringify({ kind, isClientGone: client.destroyed, markers: [markersBefore, markers()] }),
);
