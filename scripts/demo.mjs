// Shows the main job: plays a buildkitd with three clients that leave one by one, and lets
// `buildkit-drain wait` hold until the last one is gone: node scripts/demo.mjs [an installed buildkit-drain]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const directory = mkdtempSync(join(tmpdir(), 'buildkit-drain-demo-'));
const socketPath = join(directory, 'buildkitd.sock');

async function listen(...where) {
  const server = createServer((socket) => socket.resume()).listen(...where);
  await once(server, 'listening');
  return server;
}

async function connectFor(seconds, ...where) {
  const client = connect(...where);
  await once(client, 'connect');
  // Whoever says nothing is taken for a health check.
  client.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  setTimeout(() => client.destroy(), seconds * 1000);
}

const tcp = await listen(0, '127.0.0.1');
const unix = await listen(socketPath);
const { port } = tcp.address();

await connectFor(1, port, '127.0.0.1');
await connectFor(2, port, '127.0.0.1');
await connectFor(4, socketPath);

const options = [
  'wait',
  `--addr=tcp://127.0.0.1:${port}`,
  `--addr=unix://${socketPath}`,
  '--builds=off',
  '--quiet-period=3s',
  '--timeout=1m',
  '--log-format=text',
  '--log-to=stderr',
];
console.log(
  'Three clients are connected. They leave after 1, 2 and 4 seconds. This waits for them:',
);
console.log(`$ buildkit-drain ${options.join(' ')}\n`);
const [installed] = process.argv.slice(2);
const [program, ...script] = installed
  ? [installed]
  : [process.execPath, 'dist/bin/buildkit-drain.cjs'];
const waiting = spawn(program, [...script, ...options], { stdio: 'inherit' });
const [exitCode] = await once(waiting, 'exit');
console.log(`\nIt exited with ${exitCode}. Now a preStop hook would let buildkitd stop.`);

tcp.close();
unix.close();
rmSync(directory, { recursive: true, force: true });
process.exitCode = exitCode;
