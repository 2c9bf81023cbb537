// node endpoints.mjs <count> [folder]: listens on so many TCP ports, or unix sockets of the folder, of
// which the n-th has n % 3 clients, and prints the addresses as JSON. Does one line of input after the
// other, and says `done`: `leave` closes all clients, `churn <n>` opens and closes that many
// connections to the first address. Ends with its input.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const [count, folder] = process.argv.slice(2);

async function listen(index) {
  const server = createServer((socket) => socket.resume().on('error', () => {}));
  server.listen(folder ? join(folder, `${index}.sock`) : { port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const address = server.address();
  return { server, address: typeof address === 'string' ? address : address.port };
}

async function arrive({ server, address }) {
  const accepted = once(server, 'connection');
  const client = connect(address);
  const [[socket]] = await Promise.all([accepted, once(client, 'connect')]);
  return { client, socket };
}

async function leave({ client, socket }) {
  const closed = once(socket, 'close');
  client.destroy();
  await closed;
}

const listeners = [];
const clients = [];
for (let index = 0; index < Number(count); index += 1) {
  const listener = await listen(index);
  listeners.push(listener);
  for (let n = 0; n < index % 3; n += 1) {
    clients.push(await arrive(listener));
  }
}
console.log(JSON.stringify(listeners.map(({ address }) => address)));

for await (const line of createInterface({ input: process.stdin })) {
  const [what, times] = line.split(' ');
  if (what === 'leave') {
    await Promise.all(clients.splice(0).map(leave));
  } else {
    for (let n = 0; n < Number(times); n += 1) {
      await leave(await arrive(listeners[0]));
    }
  }
  console.log('done');
}
process.exit();
