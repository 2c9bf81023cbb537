// A live table of the connections to any port or unix socket of this machine:
//   node live-table.mjs tcp://127.0.0.1:8080
import { watchConnections } from 'buildkit-drain';

const [, , address = 'tcp://127.0.0.1:8080'] = process.argv;
const { stdout } = process;
const firstSeenMs = new Map();
const totals = { arrived: 0, left: 0, unseen: 0 };
let latest;

const nameOf = ({ peer, inode }) => peer ?? `socket ${inode}`;
const secondsOf = (name) => Math.floor((performance.now() - firstSeenMs.get(name)) / 1000);

function draw() {
  const { kind, connections, error } = latest;
  const count = kind === 'counted' ? `${connections.length} connected` : `unknown, ${error.code}`;
  const head = `${address}: ${count} (+${totals.arrived} -${totals.left}, ${totals.unseen} unseen)`;
  if (!stdout.isTTY) {
    stdout.write(`${head}\n`);
    return;
  }
  const names = connections.map(nameOf).slice(0, stdout.rows - 3);
  const rows = names.map((name) => `${name.padEnd(48)}${secondsOf(name)} s`);
  const lines = [head, `${'PEER'.padEnd(48)}SEEN FOR`, ...rows];
  stdout.write(`\x1b[2J\x1b[H${lines.map((line) => line.slice(0, stdout.columns)).join('\n')}\n`);
}

setInterval(() => stdout.isTTY && draw(), 1000).unref();
for await (latest of watchConnections(address)) {
  const { connections, arrived = [], left = [], unseen = 0 } = latest;
  for (const connection of left) firstSeenMs.delete(nameOf(connection));
  for (const name of connections.map(nameOf)) {
    firstSeenMs.set(name, firstSeenMs.get(name) ?? performance.now());
  }
  totals.arrived += arrived.length;
  totals.left += left.length;
  totals.unseen += unseen;
  draw();
}
