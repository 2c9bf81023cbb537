// Clients of a daemon that come and go as commanded, and note down each step with its time: the
// truth that waits are held against. The first argument is the file of these notes.
import { openSync, readlinkSync, writeSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { serveCommands } from '../../test/support/commands.mjs';

const notes = openSync(process.argv[2], 'a');
const machineMs = () => Number(process.hrtime.bigint()) / 1e6;
const here = new Map();

function note(at, id, more = {}) {
  writeSync(notes, `${JSON.stringify({ at, id, ms: machineMs(), ...more })}\n`);
}

// What HTTP/2 clients send first, with a SETTINGS frame; and a PING, which the server answers.
const frame = (length, type) => [0, 0, length, type, 0, 0, 0, 0, 0];
const preface = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  Buffer.from(frame(0, 4)),
]);
const ping = Buffer.from([...frame(8, 6), 1, 2, 3, 4, 5, 6, 7, 8]);
const beatMs = 5000;

function toNode(address) {
  const [, host, port] = /^tcp:\/\/\[?(.*?)\]?:(\d+)$/.exec(address) ?? [];
  return host === undefined
    ? { path: address.slice('unix://'.length) }
    : { host, port: Number(port) };
}

function nameOf({ localAddress, localPort, _handle }) {
  if (localAddress === undefined) {
    return readlinkSync(`/proc/self/fd/${_handle.fd}`);
  }
  return localAddress.includes(':')
    ? `[${localAddress}]:${localPort}`
    : `${localAddress}:${localPort}`;
}

function leave(socket, id, end) {
  note('ending', id);
  if (end === 'reset') {
    // A unix socket has no RST.
    socket.remoteAddress === undefined ? socket.destroy() : socket.resetAndDestroy();
  } else if (end === 'finish') {
    socket.end();
    setTimeout(() => socket.destroy(), 2000).unref();
  } else {
    socket.destroy();
  }
}

function come({ id, endpoint, address, lifeMs, end, hasSentNothing }) {
  note('connecting', id, { endpoint, hasSentNothing });
  let isConnected = false;
  const socket = connect(toNode(address), () => {
    const name = nameOf(socket);
    if (!hasSentNothing) {
      socket.write(preface);
    }
    isConnected = true;
    note('connected', id, { name });
    socket.once('data', () => note('answered', id));
    here.set(id, () => leave(socket, id, end));
    const beat = setInterval(() => hasSentNothing || socket.write(ping), beatMs);
    const life = lifeMs === null ? undefined : setTimeout(() => leave(socket, id, end), lifeMs);
    socket.on('close', () => {
      clearInterval(beat);
      clearTimeout(life);
      here.delete(id);
      note('ended', id);
    });
  });
  socket.on('error', () => isConnected || note('refused', id));
  socket.resume();
}

// What goes on beside, between others, on a port of their own.
const bystanders = createServer((socket) => socket.on('error', () => {}).resume());

function comeBeside(count, lifeMs) {
  for (let n = 0; n < count; n += 1) {
    const socket = connect(bystanders.address().port, '127.0.0.1');
    socket.on('error', () => {});
    setTimeout(() => socket.destroy(), lifeMs);
  }
}

const at = (ms, task) => setTimeout(task, Math.max(0, ms - machineMs()));

bystanders.listen(0, '127.0.0.1', () =>
  serveCommands({
    /** Each client at its time. */
    play: ({ clients }) => clients.forEach((client) => void at(client.atMs, () => come(client))),
    beside: ({ count, lifeMs }) => comeBeside(count, lifeMs),
    leave: ({ id }) => here.get(id)?.(),
  }),
);
