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

/** The fields of a message of numbers and bytes, by their numbers. */
export function fieldsOf(message) {
  const fields = {};
  let at = 0;
  const number = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at];
      at += 1;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) {
        return value;
      }
    }
  };
  while (at < message.length) {
    const tag = Number(number());
    const value = number();
    const end = at + Number(value);
    fields[tag >> 3] = tag & 2 ? message.subarray(at, end) : value;
    at = tag & 2 ? end : at;
  }
  return fields;
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
export function completeEvent({ endedAtMs, logs = null, errorCode = null, ...build }) {
  const descriptor = logs === null ? [] : [bytesField(8, bytesField(2, logs))];
  const error = errorCode === null ? [] : [bytesField(5, numberField(1, errorCode))];
  const ended = bytesField(7, timestamp(endedAtMs));
  const parts = [buildRecord(build), ...error, ended, ...descriptor];
  const record = Buffer.concat(parts);
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

/** A method as @grpc/grpc-js wants it, its messages being bytes. */
export function method(path, streams = {}) {
  return {
    path: `/${path}`,
    requestStream: false,
    responseStream: false,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
    ...streams,
  };
}

const ofControl = 'moby.buildkit.v1.Control';
const ofContent = 'containerd.services.content.v1.Content';

/** The services of buildkitd. */
export const control = {
  listenBuildHistory: method(`${ofControl}/ListenBuildHistory`, { responseStream: true }),
  info: method(`${ofControl}/Info`),
  listWorkers: method(`${ofControl}/ListWorkers`),
  solve: method(`${ofControl}/Solve`),
  session: method(`${ofControl}/Session`, { requestStream: true, responseStream: true }),
};

export const content = {
  list: method(`${ofContent}/List`, { responseStream: true }),
  info: method(`${ofContent}/Info`),
  read: method(`${ofContent}/Read`, { responseStream: true }),
};
