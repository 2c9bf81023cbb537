// A stand-in for buildkitd or for its clients: a process that listens and connects as commanded.
import { readlinkSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { serveCommands } from './commands.mjs';

const atOnce = 200;
const listeners = new Map();
const accepted = new Map();
const connections = new Map();
let lastId = 0;

function inodeOf({ _handle }) {
  return Number(/\d+/.exec(readlinkSync(`/proc/self/fd/${_handle.fd}`))[0]);
}

function toNode(address) {
  const [, host, port] = /^tcp:\/\/\[?(.*?)\]?:(\d+)$/.exec(address) ?? [];
  return host === undefined
    ? { path: address.slice('unix://'.length).replace(/^@/, '\0') }
    : { host, port: Number(port) };
}

function peerText(address, port) {
  const plain = address.replace(/^::ffff:(?=.*\.)/, '');
  return plain.includes(':') ? `[${plain}]:${port}` : `${plain}:${port}`;
}

// The client of an accepted connection closes when it likes: the daemon follows unless `keepsHalfOpen`.
function accept(socket, keepsHalfOpen) {
  const { remoteAddress, remotePort } = socket;
  const peer = remoteAddress === undefined ? null : peerText(remoteAddress, remotePort);
  accepted.set(socket, { peer, inode: inodeOf(socket) });
  socket.on('error', () => {});
  socket.on('end', () => keepsHalfOpen || socket.end());
  socket.on('close', () => accepted.delete(socket));
  socket.resume();
}

function listen({ address, keepsHalfOpen = false, backlog = 511 }) {
  return new Promise((resolve, reject) => {
    const server = createServer({ allowHalfOpen: true }, (socket) => accept(socket, keepsHalfOpen));
    server.on('error', reject);
    server.listen({ ...toNode(address), backlog }, () => {
      const port = server.address().port;
      const text = port === undefined ? address : address.replace(/:\d+$/, `:${port}`);
      listeners.set(text, server);
      resolve({ address: text, inode: inodeOf(server) });
    });
  });
}

// What every HTTP/2 client sends first: one that sends nothing is a health check.
const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

function connectOne(to, from, hasSentNothing) {
  return new Promise((resolve, reject) => {
    const where = { ...toNode(to), ...(from && { localAddress: from }), allowHalfOpen: true };
    const socket = connect(where, () => {
      lastId += 1;
      const id = lastId;
      connections.set(id, socket);
      socket.on('close', () => connections.delete(id));
      socket.on('end', () => socket.end());
      socket.resume();
      if (!hasSentNothing) {
        socket.write(preface);
      }
      const { localAddress, localPort } = socket;
      const name = localAddress ? peerText(localAddress, localPort) : `socket:[${inodeOf(socket)}]`;
      resolve({ id, name });
    });
    socket.on('error', reject);
  });
}

async function connectMany({ to, count, from, hasSentNothing = false }) {
  const clients = [];
  while (clients.length < count) {
    const rest = Math.min(atOnce, count - clients.length);
    const some = Array.from({ length: rest }, () => connectOne(to, from, hasSentNothing));
    clients.push(...(await Promise.all(some)));
  }
  return clients;
}

await serveCommands({
  listen,
  connect: connectMany,
  /** Accepts no more connections; open ones stay open. */
  unlisten: ({ address }) => void listeners.get(address).close(),
  accepted: () => [...accepted.values()],
  /** Closes what was accepted, before the clients do. */
  dismiss: () => [...accepted.keys()].forEach((socket) => void socket.end()),
  say: ({ ids, text }) => ids.forEach((id) => void connections.get(id).write(text)),
  /** Sends the FIN of these, and goes on receiving. */
  finish: ({ ids }) => ids.forEach((id) => void connections.get(id).end()),
  leave: ({ ids }) => ids.forEach((id) => void connections.get(id)?.destroy()),
});
