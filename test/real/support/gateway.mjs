// A client of BuildKit's gateway API, which buildctl and buildx use only with a terminal: it builds a root
// file system, starts a container on it, runs a second process there, sends the first a signal and releases
// the container. Its build lasts from the first of these to the last.
import { createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { bytesField, control, fieldsOf, method, numberField } from '../../support/wire.mjs';

const [address, heldMs] = process.argv.slice(2);
const client = new Client(address.replace('tcp://', ''), credentials.createInsecure());
const ref = randomUUID();
const metadata = new Metadata();
metadata.set('buildkit-controlapi-buildid', ref);

const say = (what) => console.log(JSON.stringify(what));
const bridge = (name, streams) => method(`moby.buildkit.v1.frontend.LLBBridge/${name}`, streams);
const message = (...fields) => Buffer.concat(fields);

function call({ path, requestSerialize, responseDeserialize }, request) {
  return new Promise((resolve, reject) => {
    const done = (error, answer) => (error ? reject(error) : resolve(answer));
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, metadata, done);
  });
}

/** pb.Definition: one file, /busybox, in an empty root. */
function rootWithBusybox() {
  const busybox = readFileSync('/bin/busybox');
  const file = message(
    ...[bytesField(1, '/busybox'), numberField(2, 0o755), bytesField(3, busybox)],
    numberField(5, -1),
  );
  const action = message(numberField(1, -1), numberField(2, -1), bytesField(5, file));
  const operation = bytesField(4, bytesField(2, action));
  const digest = `sha256:${createHash('sha256').update(operation).digest('hex')}`;
  const last = bytesField(1, bytesField(1, digest));
  return message(bytesField(1, operation), bytesField(1, last));
}

async function solveRoot() {
  const wantsResult = message(numberField(5, 1), numberField(6, 1), numberField(14, 1));
  const request = message(bytesField(1, rootWithBusybox()), wantsResult);
  const { 3: result } = fieldsOf(await call(bridge('Solve'), request));
  return fieldsOf(fieldsOf(result)[3])[1].toString();
}

/** Starts a process in the container, and resolves when it runs. */
function execute(id, ...args) {
  const exec = bridge('ExecProcess', { requestStream: true, responseStream: true });
  const { path, requestSerialize, responseDeserialize } = exec;
  const stream = client.makeBidiStreamRequest(
    path,
    requestSerialize,
    responseDeserialize,
    metadata,
  );
  const send = (...fields) => stream.write(message(bytesField(1, id), ...fields));
  const words = args.map((word) => bytesField(1, word));
  const init = message(
    bytesField(1, 'container'),
    bytesField(2, message(...words, bytesField(3, '/'))),
  );
  send(bytesField(2, init));
  return new Promise((resolve, reject) => {
    const exited = new Promise((exit) => {
      stream.on('data', (bytes) => {
        const { 5: started, 6: ended } = fieldsOf(bytes);
        if (started !== undefined) {
          resolve({ signal: (name) => send(bytesField(8, bytesField(1, name))), exited });
        }
        if (ended !== undefined) {
          exit(Number(fieldsOf(ended)[1] ?? 0));
          stream.end();
        }
      });
    });
    stream.on('error', reject);
  });
}

const solved = call(control.solve, bytesField(1, ref));
const root = await solveRoot();
const mount = message(bytesField(3, '/'), bytesField(23, root));
await call(bridge('NewContainer'), message(bytesField(1, 'container'), bytesField(2, mount)));
const script = 'trap "exit 0" TERM; while :; do /busybox sleep 0.1; done';
const first = await execute('first', '/busybox', 'sh', '-c', script);
say('running');
const second = await execute('second', '/busybox', 'true');
say({ second: await second.exited });
await delay(Number(heldMs));
first.signal('TERM');
say({ first: await first.exited });
await call(bridge('ReleaseContainer'), bytesField(1, 'container'));
say('released');
await call(bridge('Return'), bytesField(1, bytesField(3, bytesField(1, root))));
await solved;
say('built');
client.close();
