// The few messages of buildkitd's API that the stand-in and its clients send, as bytes.

export function varint(value) {
  const bytes = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  return Buffer.from([...bytes, Number(rest)]);
}

export function numberField(number, value) {
  return Buffer.concat([varint(number << 3), varint(value)]);
}

export function bytesField(number, value) {
  const bytes = Buffer.from(value);
  return Buffer.concat([varint((number << 3) | 2), varint(bytes.length), bytes]);
}

/** The first field of a message, where that is a text: `SolveRequest.Ref`. */
export function firstText(message) {
  const length = message[1];
  return message.subarray(2, 2 + length).toString();
}

/** BuildHistoryEvent of type STARTED, which is 0 and so not written. */
export function startedEvent(build) {
  return bytesField(2, buildRecord(build));
}

/** BuildHistoryEvent of type COMPLETE. */
export function completeEvent({ endedAtMs, ...build }) {
  const record = Buffer.concat([buildRecord(build), bytesField(7, timestamp(endedAtMs))]);
  return Buffer.concat([numberField(1, 1), bytesField(2, record)]);
}

function timestamp(atMs) {
  return Buffer.concat([
    numberField(1, Math.floor(atMs / 1000)),
    numberField(2, (atMs % 1000) * 1e6),
  ]);
}

function buildRecord({ ref, startedAtMs }) {
  const attribute = Buffer.concat([bytesField(1, 'filename'), bytesField(2, 'Dockerfile')]);
  const record = [
    bytesField(1, ref),
    bytesField(2, 'dockerfile.v0'),
    bytesField(3, attribute),
    bytesField(6, timestamp(startedAtMs)),
  ];
  return Buffer.concat(record);
}

export function infoResponse({ package: name, version }) {
  const parts = [bytesField(1, name), bytesField(2, version), bytesField(3, 'abcdef')];
  return bytesField(1, Buffer.concat(parts));
}

const asIs = (bytes) => bytes;

function method(path, streams = {}) {
  return {
    path: `/moby.buildkit.v1.Control/${path}`,
    requestStream: false,
    responseStream: false,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
    ...streams,
  };
}

/** The service as @grpc/grpc-js wants it, its messages being bytes. */
export const control = {
  listenBuildHistory: method('ListenBuildHistory', { responseStream: true }),
  info: method('Info'),
  listWorkers: method('ListWorkers'),
  solve: method('Solve'),
  session: method('Session', { requestStream: true, responseStream: true }),
};
