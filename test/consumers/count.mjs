// Counts a real connection by the package, and prints how. It is bundled, and run as it is.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { countConnections } from 'buildkit-drain';

// CommonJS, as it is bundled to, has no top-level await.
async function count() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  const client = connect(port, '127.0.0.1');
  await once(client, 'connect');
  const { count, backend, skipped } = countConnections(`tcp://127.0.0.1:${port}`);
  client.destroy();
  server.close();
  console.log(JSON.stringify({ count, backend, skipped }));
}

void count();
