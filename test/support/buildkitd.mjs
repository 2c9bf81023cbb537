// A stand-in for buildkitd that speaks its API: it builds nothing, and knows which builds run.
import { readFileSync } from 'node:fs';
import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import { brokenServers } from './broken-server.mjs';
import { serveCommands } from './commands.mjs';
import { bytesField, control, firstText, infoResponse, startedEvent } from './wire.mjs';

// What a beat is on the wire, with the 14 bytes that HTTP/2 and gRPC add to a message.
const beatBytes = 196 - 14;
const workersBytes = 600;

const listeners = new Map();
const builds = new Map();
const behaviour = {
  package: 'github.com/moby/buildkit',
  version: 'v0.25.0',
  /** right, false-zero, unimplemented, error or garbage */
  answer: 'right',
  /** How long it thinks before it answers; -1 for ever. */
  delayMs: 0,
  beatMs: 5000,
  /** die at once, as up to v0.13, or wait for the running builds, as since v0.14 */
  onSigterm: 'die',
};

const after = (answer) => behaviour.delayMs >= 0 && setTimeout(answer, behaviour.delayMs);

function listenBuildHistory(call) {
  const { answer } = behaviour;
  const [activeOnly, earlyExit] = [
    [0x08, 1],
    [0x18, 1],
  ].map((field) => call.request.includes(Buffer.from(field)));
  after(() => {
    if (answer === 'unimplemented') {
      call.emit('error', { code: status.UNIMPLEMENTED, details: 'unknown method' });
      return;
    }
    if (answer === 'error') {
      call.emit('error', { code: status.UNAVAILABLE, details: 'not now' });
      return;
    }
    if (answer === 'garbage') {
      call.write(Buffer.from('garbage'));
    }
    if (answer === 'right' && activeOnly) {
      for (const build of builds.values()) {
        call.write(startedEvent(build));
      }
    }
    if (earlyExit) {
      call.end();
    }
  });
}

function info(_, answer) {
  const isOld = behaviour.answer === 'unimplemented';
  const { package: name, version } = behaviour;
  const response = version === '' ? Buffer.alloc(0) : infoResponse({ package: name, version });
  after(() => answer(isOld ? { code: status.UNIMPLEMENTED } : null, response));
}

function begin(ref, onEnd = () => {}) {
  builds.set(ref, { ref, startedAtMs: Date.now(), onEnd });
}

function end(ref) {
  const build = builds.get(ref);
  builds.delete(ref);
  build?.onEnd();
}

/** A build is as long as the call that asks for it. */
function solve(call, answer) {
  const ref = firstText(call.request);
  begin(ref, () => answer(null, Buffer.alloc(0)));
  call.on('cancelled', () => builds.delete(ref));
}

/** BytesMessages: the server asks for a sign of life now and then, and the client gives it. */
function session(call) {
  const message = bytesField(1, Buffer.alloc(beatBytes));
  const beat = setInterval(() => call.write(message), behaviour.beatMs);
  const stop = () => clearInterval(beat);
  call.on('data', () => {});
  call.on('error', stop);
  call.on('cancelled', stop);
  call.on('end', () => {
    stop();
    call.end();
  });
}

function listWorkers(_, answer) {
  answer(null, bytesField(1, bytesField(1, Buffer.alloc(workersBytes, 'w'))));
}

function targetOf(address) {
  return address.startsWith('tcp://')
    ? address.slice('tcp://'.length)
    : address.replace('unix://', 'unix:').replace(':@', ':\0');
}

function credentialsOf(tls) {
  if (tls === undefined) {
    return ServerCredentials.createInsecure();
  }
  const [ca, cert, key] = [tls.ca, tls.cert, tls.key].map((path) => path && readFileSync(path));
  const pair = { private_key: key, cert_chain: cert };
  return ServerCredentials.createSsl(ca ?? null, [pair], ca !== undefined);
}

function listen({ address, tls }) {
  const server = new Server();
  server.addService(control, { listenBuildHistory, info, solve, session, listWorkers });
  return new Promise((resolve, reject) => {
    server.bindAsync(targetOf(address), credentialsOf(tls), (error, port) => {
      if (error) {
        reject(error);
        return;
      }
      const text = address.startsWith('tcp://') ? address.replace(/:\d+$/, `:${port}`) : address;
      listeners.set(text, { unlisten: () => server.unbind(targetOf(text)), server });
      resolve({ address: text });
    });
  });
}

function listenBroken({ address, how }) {
  const server = brokenServers[how]();
  const [, host, port] = /^tcp:\/\/\[?(.*?)\]?:(\d+)$/.exec(address) ?? [];
  const where = host === undefined ? { path: address.slice(7) } : { host, port: Number(port) };
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, () => {
      const text = address.replace(/:\d+$/, `:${server.address().port}`);
      listeners.set(text, { unlisten: () => server.close() });
      resolve({ address: text });
    });
  });
}

let sigterms = 0;

process.on('SIGTERM', () => {
  sigterms += 1;
  if (behaviour.onSigterm === 'die' || sigterms === 3) {
    process.exit(1);
  }
  const servers = [...listeners.values()].flatMap(({ server }) => server ?? []);
  const shut = servers.map((server) => new Promise((resolve) => server.tryShutdown(resolve)));
  void Promise.all(shut).then(() => process.exit(1));
});

await serveCommands({
  listen,
  listenBroken,
  /** Takes no more connections; those that are there stay. */
  unlisten: ({ address }) => void listeners.get(address).unlisten(),
  behave: (changes) => void Object.assign(behaviour, changes),
  begin: ({ refs }) => refs.forEach((ref) => void begin(ref)),
  end: ({ refs }) => refs.forEach(end),
  builds: () => [...builds.keys()],
});
