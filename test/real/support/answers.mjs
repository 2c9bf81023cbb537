// Asks the daemon at an address all that it says of itself and its builds, and prints that as JSON:
// the ground truth of the scenes, read by other code than what is tested.
import { Client, credentials } from '@grpc/grpc-js';
import { control, fieldsOf, numberField } from '../../support/wire.mjs';

const [address, activeOnly] = process.argv.slice(2);
const client = new Client(address.replace('unix://', 'unix:'), credentials.createInsecure());
const text = (bytes) => bytes?.toString() ?? null;

function timeOf(timestamp) {
  if (timestamp === undefined) {
    return null;
  }
  const { 1: seconds = 0n, 2: nanos = 0n } = fieldsOf(timestamp);
  return Number(seconds) * 1000 + Number(nanos) / 1e6;
}

function eventOf(bytes) {
  const { 1: type = 0n, 2: record } = fieldsOf(bytes);
  const { 1: ref, 5: error, 6: createdAt, 7: completedAt } = fieldsOf(record);
  return {
    type: ['STARTED', 'COMPLETE', 'DELETED'][Number(type)],
    ref: text(ref),
    errorCode: error === undefined ? null : Number(fieldsOf(error)[1]),
    createdMs: timeOf(createdAt),
    completedMs: timeOf(completedAt),
  };
}

function call({ path, requestSerialize, responseDeserialize }, request) {
  return client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request);
}

function listed() {
  const earlyExit = numberField(3, 1);
  const request = activeOnly ? Buffer.concat([numberField(1, 1), earlyExit]) : earlyExit;
  const events = [];
  return new Promise((resolve) => {
    const stream = call(control.listenBuildHistory, request);
    stream.on('data', (event) => events.push(eventOf(event)));
    stream.on('error', ({ code, details }) => resolve({ code, details, events }));
    stream.on('end', () => resolve({ code: 0, details: '', events }));
  });
}

function info() {
  const { path, requestSerialize, responseDeserialize } = control.info;
  return new Promise((resolve) => {
    const request = Buffer.alloc(0);
    client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      (error, bytes) => {
        const { 1: version } = error ? {} : fieldsOf(bytes);
        const { 1: name, 2: number } = version === undefined ? {} : fieldsOf(version);
        resolve({ code: error?.code ?? 0, package: text(name), version: text(number) });
      },
    );
  });
}

console.log(JSON.stringify({ info: await info(), history: await listed() }));
client.close();
