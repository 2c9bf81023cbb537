// One client of buildkitd, as the first argument says, at the address of the second. It says "ready"
// once it is connected, and prints what becomes of it.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { checkServerIdentity } from 'node:tls';
import { Client, credentials } from '@grpc/grpc-js';
import { bytesField, control, numberField } from './wire.mjs';

const [kind, address, text = '{}'] = process.argv.slice(2);
const options = JSON.parse(text);

const beatBytes = 215 - 14;
const say = (what) => console.log(JSON.stringify(what));

function toNode(to) {
  const [, host, port] = /^tcp:\/\/\[?(.*?)\]?:(\d+)$/.exec(to) ?? [];
  return host === undefined
    ? { path: to.slice('unix://'.length).replace(/^@/, '\0') }
    : { host, port: Number(port) };
}

function open(to) {
  const { tls } = options;
  const [ca, cert, key] = [tls?.ca, tls?.cert, tls?.key].map((path) => path && readFileSync(path));
  const { host } = toNode(to);
  const secrecy = tls
    ? credentials.createSsl(ca, key, cert, {
        checkServerIdentity: (_, certificate) => checkServerIdentity(host, certificate),
      })
    : credentials.createInsecure();
  const target = to.replace('tcp://', '').replace('unix://', 'unix:').replace(':@', ':\0');
  const client = new Client(target, secrecy, {
    'grpc.use_local_subchannel_pool': 1,
    // By itself grpc-js gives an address as the server's name, which Node.js 26 refuses.
    ...(tls && { 'grpc.ssl_target_name_override': 'buildkitd' }),
  });
  return new Promise((resolve, reject) => {
    client.waitForReady(Date.now() + 10_000, (error) => (error ? reject(error) : resolve(client)));
  });
}

function unary(client, { path, requestSerialize, responseDeserialize }, request) {
  return new Promise((resolve, reject) => {
    const done = (error, answer) => (error ? reject(error) : resolve(answer));
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, done);
  });
}

/** Answers each beat of the daemon with one of its own. */
function keepSession(client) {
  const { path, requestSerialize, responseDeserialize } = control.session;
  const call = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
  call.on('data', () => call.write(bytesField(1, Buffer.alloc(beatBytes))));
  call.on('error', () => {});
  return call;
}

async function build(to) {
  const client = await open(to);
  const session = options.session === false ? null : keepSession(client);
  say('ready');
  const request = bytesField(1, options.ref ?? 'a-build');
  await unary(client, control.solve, request).then(
    () => say('built'),
    (error) => {
      say(`failed: ${error.details}`);
      process.exitCode = 1;
    },
  );
  session?.cancel();
  if (options.keepsChannel) {
    setInterval(() => client, 60_000);
  } else {
    client.close();
  }
}

/** Short builds one after the other, each over a connection of its own, as `buildctl` makes them. */
async function buildChain({ builds, pauseMs, contextBytes }) {
  for (let number = 1; number <= builds; number += 1) {
    const client = await open(address);
    const context = bytesField(2, Buffer.alloc(contextBytes));
    const request = Buffer.concat([bytesField(1, `chained-${number}`), context]);
    await unary(client, control.solve, request);
    client.close();
    say('built');
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

/** What `buildctl debug workers` does: a connection for one call. */
async function probe() {
  const client = await open(address);
  await unary(client, control.listWorkers, Buffer.alloc(0));
  client.close();
  say('probed');
}

async function probeEvery(intervalMs) {
  for (;;) {
    await probe();
    await new Promise((resolve) => setTimeout(resolve, intervalMs));
  }
}

/** A channel that a client keeps for later. */
async function idle() {
  const client = await open(address);
  await unary(client, control.info, Buffer.alloc(0));
  say('ready');
  setInterval(() => client, 60_000);
}

/** What `buildctl debug monitor` does: it listens to the events of builds, and stays. */
async function monitor() {
  const client = await open(address);
  const { path, requestSerialize, responseDeserialize } = control.listenBuildHistory;
  const activeOnly = numberField(1, 1);
  client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, activeOnly);
  say('ready');
}

/** What a load balancer does: it connects, and closes without a byte. */
function tcpProbeEvery(intervalMs) {
  setInterval(() => connect(toNode(address), say.bind(null, 'probed')).end(), intervalMs);
}

function silent() {
  const socket = connect(toNode(address), () => say('ready'));
  socket.on('close', () => say('closed'));
}

/** What runs in the pod for a client that has no way to the socket but `kubectl exec`. */
function dialStdio() {
  const socket = connect(toNode(address));
  process.stdin.pipe(socket);
  socket.pipe(process.stdout);
  socket.on('close', () => process.exit());
}

async function buildByRelay() {
  const server = createServer((socket) => {
    const relay = spawn(process.execPath, [process.argv[1], 'dial-stdio', address]);
    socket.pipe(relay.stdin).on('error', () => {});
    relay.stdout.pipe(socket).on('error', () => {});
    socket.on('close', () => relay.kill());
  });
  await new Promise((resolve) => server.listen(options.via, resolve));
  await build(`unix://${options.via}`);
  server.close();
}

await {
  build: () => build(address),
  'build-by-relay': buildByRelay,
  'build-chain': () => buildChain(options),
  probe,
  'probe-every': () => probeEvery(options.intervalMs),
  'tcp-probe-every': () => tcpProbeEvery(options.intervalMs),
  idle,
  monitor,
  silent,
  'dial-stdio': dialStdio,
}[kind]();
