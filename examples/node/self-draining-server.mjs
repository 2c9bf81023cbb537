// An HTTP server that drains itself: after SIGTERM it serves until its last connection is gone.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { watchConnections } from 'buildkit-drain';

const { PORT = '8080', NOTICE_MS = '5000', DEADLINE_MS = '25000' } = process.env;
let isDraining = false;

const server = createServer(async ({ url }, response) => {
  await delay(url === '/slow' ? 1000 : 0);
  if (isDraining) {
    response.setHeader('connection', 'close');
  }
  response.writeHead(isDraining && url === '/ready' ? 503 : 200).end('hello\n');
});
const terminated = once(process, 'SIGTERM');
await once(server.listen(Number(PORT)), 'listening');
const { port } = server.address();
console.log(`listening on port ${port}`);

await terminated;
isDraining = true;
const signal = AbortSignal.timeout(Number(DEADLINE_MS));
signal.addEventListener('abort', () => server.closeAllConnections());
try {
  // Load balancers go on to send clients until they have noticed that /ready fails.
  await delay(Number(NOTICE_MS), null, { signal });
  // The kernel also shows clients that wait to be accepted, which close() would reset. And a count
  // that is unknown is not zero.
  for await (const update of watchConnections(`tcp://127.0.0.1:${port}`, { signal })) {
    if (update.kind === 'counted' && update.connections.length === 0) break;
  }
  console.log('drained');
} catch (error) {
  console.log(`not drained: ${error.cause ?? error}`);
}
server.close();
