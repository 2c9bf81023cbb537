// What the steady watch of `serve` costs beside an empty timer of the same interval, in the same Node.js:
//   node scripts/bench-serve.mjs [seconds]
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const seconds = Number(process.argv[2] ?? 60);
const program = fileURLToPath(new URL('../dist/bin/buildkit-drain.cjs', import.meta.url));
// Node.js compiles what runs often in the first seconds.
const warmUpMs = 5000;

/** CPU time in milliseconds (proc_pid_stat(5)), of all threads. */
function cpuMs(pid) {
  const [user, system] = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .split(') ')[1]
    .split(' ')
    .slice(11, 13);
  return (Number(user) + Number(system)) * 10;
}

async function measure(clients) {
  const sockets = new Set();
  const daemon = createServer((socket) => sockets.add(socket.on('error', () => {}))).listen(
    0,
    '127.0.0.1',
  );
  await new Promise((resolve) => daemon.once('listening', resolve));
  const { port } = daemon.address();
  const peers = Array.from({ length: clients }, () => connect(port, '127.0.0.1'));
  for (const peer of peers) {
    peer.on('error', () => {}).write('x'.repeat(20_000));
  }
  const address = `tcp://127.0.0.1:${port}`;
  const serve = ['serve', '--addr', address, '--builds', 'off', '--listen', '127.0.0.1:0'];
  const children = [
    spawn(process.execPath, [program, ...serve], { stdio: 'ignore' }),
    spawn(process.execPath, ['-e', 'setInterval(() => {}, 100)'], { stdio: 'ignore' }),
  ];
  await delay(warmUpMs);
  const before = children.map(({ pid }) => cpuMs(pid));
  await delay(seconds * 1000);
  const used = children.map(({ pid }, index) => cpuMs(pid) - before[index]);
  for (const child of children) {
    child.kill('SIGKILL');
  }
  for (const socket of [...peers, ...sockets]) {
    socket.destroy();
  }
  daemon.close();
  return used;
}

for (const clients of [0, 100]) {
  const [watch, timer] = await measure(clients);
  const percent = (ms) => `${((100 * ms) / (seconds * 1000)).toFixed(3)} %`;
  console.log(
    `${clients} clients, ${seconds} s: serve ${watch} ms (${percent(watch)}), ` +
      `empty timer ${timer} ms (${percent(timer)})`,
  );
}
