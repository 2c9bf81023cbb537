// The content API of the stand-in for buildkitd: files in a folder, and apart from them the metadata, as containerd has
// both. So files can be removed, cut or changed behind its back, and it answers as the real one then does.
import { closeSync, openSync, readSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { bytesField, fieldsOf, numberField } from './wire.mjs';

const blobsInMessage = 100;
const bytesInMessage = 1024 * 1024;

const garbage = Buffer.from('not a protobuf message, but text\n');

function failure(code, words) {
  const name = Object.keys(status).find((each) => status[each] === code);
  // buildkitd passes on what its own store answers.
  return { code, details: `rpc error: code = ${name} desc = ${words}` };
}

// A lost file has the same words as a digest that the metadata does not have.
const notFound = (digest) => failure(status.NOT_FOUND, `content digest ${digest}: not found`);

function encodeInfo({ digest, size, labels = {} }) {
  const entries = Object.entries(labels).map(([name, value]) =>
    bytesField(5, Buffer.concat([bytesField(1, name), bytesField(2, value)])),
  );
  const bytes = size === '0' ? [] : [numberField(2, BigInt(size))];
  return Buffer.concat([bytesField(1, digest), ...bytes, ...entries]);
}

/** Writes messages until the client has enough. */
function writeForEver(call, next) {
  let isOver = false;
  call.on('cancelled', () => {
    isOver = true;
  });
  const more = () => {
    while (!isOver && call.write(next()));
  };
  call.on('drain', more);
  more();
}

const data = (bytes) => bytesField(2, bytes);
const mebibyte = data(Buffer.alloc(bytesInMessage));

async function sendPart(call, file, from, end) {
  for (let at = from; at < end && !call.cancelled; ) {
    const buffer = Buffer.alloc(Math.min(bytesInMessage, Number(end - at)));
    const count = readSync(file, buffer, 0, buffer.length, at);
    if (count === 0) {
      return;
    }
    at += BigInt(count);
    if (!call.write(data(buffer.subarray(0, count)))) {
      await new Promise((resolve) => {
        call.once('drain', resolve);
        call.once('cancelled', resolve);
      });
    }
  }
}

/** A message of `List` with so many blobs. */
function manyBlobs(count, describe) {
  const infos = Array.from({ length: count }, (_, at) =>
    bytesField(1, encodeInfo(describe(at.toString(16)))),
  );
  return Buffer.concat(infos);
}

const longDigest = (number) => `sha256:${number.padStart(64, '0')}`;

const manyInfos = {
  blobs: () => manyBlobs(blobsInMessage, (number) => ({ digest: longDigest(number), size: '1' })),
  // Just below the 4 MiB that a gRPC client takes.
  'tiny blobs': () => manyBlobs(300_000, (number) => ({ digest: `a:${number}`, size: '0' })),
  labels: () =>
    manyBlobs(10, (number) => ({
      digest: longDigest(number),
      size: '1',
      labels: { [`containerd.io/gc.ref.snapshot.${number}`]: 'x'.repeat(100_000) },
    })),
};

function writeManyForEver(call, what) {
  const message = manyInfos[what]();
  writeForEver(call, () => message);
}

/** What `List` does instead of listing. */
const listLies = {
  'sends blobs for ever': (call) => writeManyForEver(call, 'blobs'),
  'sends tiny blobs for ever': (call) => writeManyForEver(call, 'tiny blobs'),
  'sends labels for ever': (call) => writeManyForEver(call, 'labels'),
  'sends nothing for ever': (call) => writeForEver(call, () => Buffer.alloc(0)),
  'sends garbage': (call) => {
    call.write(garbage);
    call.end();
  },
  hangs() {},
  'has no such method': (call) =>
    call.emit('error', {
      code: status.UNIMPLEMENTED,
      details: 'unknown service containerd.services.content.v1.Content',
    }),
  'has lost its containerd': (call) =>
    call.emit('error', failure(status.UNAVAILABLE, 'connection refused')),
  'answers with a status that there is not': (call) =>
    call.emit('error', { code: 99, details: 'a' }),
};

/** What happens to one blob instead of the right answer, once or always. */
const fates = {
  'sends for ever': { read: (call) => writeForEver(call, () => mebibyte) },
  'sends nothing for ever': { read: (call) => writeForEver(call, () => data(Buffer.alloc(0))) },
  'sends more than asked for': {
    read(call, blob, request) {
      call.write(data(Buffer.alloc(Number(request.size || BigInt(blob.size)) + 1)));
      call.end();
    },
  },
  'sends garbage': {
    read(call) {
      call.write(garbage);
      call.end();
    },
  },
  hangs: { read() {} },
  'arrives byte by byte': {
    read(call) {
      const beat = setInterval(() => call.write(data(Buffer.alloc(1))), 20);
      call.on('cancelled', () => clearInterval(beat));
    },
  },
  'has an internal error': {
    read: (call) => call.emit('error', failure(status.INTERNAL, 'broken')),
  },
  'has an internal error at its end': {
    read(call) {
      call.write(data(Buffer.alloc(1)));
      call.emit('error', failure(status.INTERNAL, 'broken'));
    },
  },
  'answers with a status that there is not': {
    read: (call) => call.emit('error', { code: 99, details: 'a' }),
  },
  'is never found, and its Info is garbage': {
    read: (call, { digest }) => call.emit('error', notFound(digest)),
    info: (answer) => answer(null, garbage),
  },
  'is never found, and its Info fails': {
    read: (call, { digest }) => call.emit('error', notFound(digest)),
    info: (answer) => answer(failure(status.UNKNOWN, 'broken')),
  },
};

export function createContent() {
  let root = '';
  let lie = null;
  const blobs = new Map();
  const fateOf = new Map();

  const pathOf = (digest) => join(root, digest.replace(':', '/'));

  const list = (call) => {
    if (lie !== null) {
      listLies[lie](call);
      return;
    }
    const all = [...blobs.values()];
    for (let at = 0; at < all.length; at += blobsInMessage) {
      const part = all.slice(at, at + blobsInMessage);
      call.write(Buffer.concat(part.map((blob) => bytesField(1, encodeInfo(blob)))));
    }
    call.end();
  };

  const info = (call, answer) => {
    const digest = String(fieldsOf(call.request)[1]);
    const fate = fateOf.get(digest);
    if (fate?.info) {
      fate.info(answer);
      return;
    }
    const blob = blobs.get(digest);
    answer(blob ? null : notFound(digest), blob && bytesField(1, encodeInfo(blob)));
    fate?.afterInfo?.();
  };

  const read = (call) => {
    const { 1: name, 2: offset = 0n, 3: size = 0n } = fieldsOf(call.request);
    const digest = String(name);
    const blob = blobs.get(digest);
    const fate = fateOf.get(digest);
    fate?.beforeRead?.();
    if (fate?.read) {
      fate.read(call, blob, { offset, size });
    } else if (!blobs.has(digest)) {
      call.emit('error', notFound(digest));
    } else {
      void readFile(call, blob, offset, size);
    }
  };

  const readFile = async (call, { digest, size: all }, offset, asked) => {
    const total = BigInt(all);
    if (offset > total) {
      call.emit('error', failure(status.OUT_OF_RANGE, `read past object length ${total} bytes`));
      return;
    }
    let file;
    try {
      file = openSync(pathOf(digest));
    } catch {
      call.emit('error', notFound(digest));
      return;
    }
    const end = asked === 0n || offset + asked > total ? total : offset + asked;
    try {
      await sendPart(call, file, offset, end);
      call.end();
    } catch {
      call.emit('error', failure(status.UNKNOWN, `read ${pathOf(digest)}: is a directory`));
    } finally {
      closeSync(file);
    }
  };

  const loseFile = (digest) => rmSync(pathOf(digest), { force: true });
  const collect = (digest) => {
    blobs.delete(digest);
    loseFile(digest);
  };
  const away = (digest) => `${pathOf(digest)}.away`;

  /** What the daemon does to a blob while it is being checked. */
  const events = {
    'is collected before it is read': (digest) => ({ beforeRead: () => collect(digest) }),
    'loses its file before it is read, and its metadata after one Info': (digest) => ({
      beforeRead: () => loseFile(digest),
      afterInfo: () => blobs.delete(digest),
    }),
    'is away while it is read first': (digest) => {
      renameSync(pathOf(digest), away(digest));
      return { afterInfo: () => renameSync(away(digest), pathOf(digest)) };
    },
  };

  return {
    methods: { list, info, read },
    commands: {
      /** Says where the files are: `<root>/sha256/<hexadecimal>`. */
      keep(options) {
        root = options.root;
      },
      /** Adds to the metadata, whatever files there are. Sizes are texts, so that they may be any. */
      announce: (options) => options.blobs.forEach((blob) => void blobs.set(blob.digest, blob)),
      /** One of `listLies`; null for the truth. */
      lieInList({ how }) {
        lie = how;
      },
      /** One of `fates`, or of `events`. */
      doom: ({ digest, how }) =>
        void fateOf.set(digest, events[how] ? events[how](digest) : fates[how]),
    },
  };
}
