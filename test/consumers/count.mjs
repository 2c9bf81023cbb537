// Counts a real connection by the package, and prints how. It is bundled, and run as it is.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { openMonitor } from 'buildkit-drain';

async function count() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  const client = connect(port, '127.0.0.1');
  await once(client, 'connect');
  const notices = [];
  const monitor = openMonitor({
    addresses: [`tcp://127.0.0.1:${port}`],
    notify: (notice) => notices.push(notice),
  });
  const { connections } = monitor.sample();
  monitor.close();
  client.destroy();
  server.close();
  const { backend, skipped } = notices.find(({ kind }) => kind === 'backend-chosen');
  console.log(JSON.stringify({ connections: connections.length, backend, skipped }));
}

void count();
