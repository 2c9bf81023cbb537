// Servers that answer in every wrong way, where buildkitd is expected.
import { createServer as createHttp1 } from 'node:http';
import { createServer as createHttp2 } from 'node:http2';
import { createServer } from 'node:net';
import { infoResponse, startedEvent } from './wire.mjs';

const event = startedEvent({ ref: 'one', startedAtMs: 0 });
const version = infoResponse({ package: 'github.com/moby/buildkit', version: 'v0.20.0' });
const grpc = { 'content-type': 'application/grpc' };
const isListing = (path) => /(ListenBuildHistory|Content\/List)$/.test(path);

function frame(message, flag = 0, length = message.length) {
  const header = Buffer.from([flag, 0, 0, 0, 0]);
  header.writeUInt32BE(length, 1);
  return Buffer.concat([header, message]);
}

/** Right but for what `list` does with the answer to the request for builds, or for blobs. */
function http2With(list) {
  const server = createHttp2();
  server.on('session', (session) => session.on('error', () => {}));
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    if (isListing(headers[':path'])) {
      list(stream);
    } else {
      reply(stream, frame(version));
    }
  });
  return server;
}

function reply(stream, body, trailers = { 'grpc-status': '0' }, head = grpc) {
  stream.respond({ ':status': 200, ...head }, { waitForTrailers: trailers !== null });
  if (trailers !== null) {
    stream.on('wantTrailers', () => stream.sendTrailers(trailers));
  }
  stream.end(body);
}

function netWith(onSocket) {
  return createServer((socket) => {
    socket.on('error', () => {});
    onSocket(socket);
  });
}

const garbage = Buffer.from('not a protobuf message, but text\n');

export const brokenServers = {
  'garbage instead of HTTP/2': () => netWith((socket) => socket.end(garbage.toString('hex'))),
  'garbage in a frame': () => http2With((stream) => reply(stream, frame(garbage))),
  'garbage instead of a frame': () => http2With((stream) => reply(stream, garbage)),
  'a cut frame': () => http2With((stream) => reply(stream, frame(event).subarray(0, -3))),
  'a cut frame header': () => http2With((stream) => reply(stream, Buffer.alloc(3))),
  'a message cut within its frame': () =>
    http2With((stream) => reply(stream, frame(event.subarray(0, -3)))),
  'a compressed frame': () => http2With((stream) => reply(stream, frame(event, 1))),
  'a frame of 4 GiB': () => http2With((stream) => reply(stream, frame(event, 0, 0xffffffff))),
  'frames without end': () =>
    http2With((stream) => {
      stream.respond({ ':status': 200, ...grpc });
      const more = () => {
        while (!stream.destroyed && stream.write(frame(Buffer.alloc(1024 * 1024, event))));
      };
      stream.on('drain', more);
      more();
    }),
  'no trailers': () => http2With((stream) => reply(stream, frame(event), null)),
  'trailers without a status': () => http2With((stream) => reply(stream, frame(event), { a: 'b' })),
  'an error after a build': () =>
    http2With((stream) =>
      reply(stream, frame(event), { 'grpc-status': '14', 'grpc-message': 'going%20away%0A' }),
    ),
  'an error in its head': () =>
    http2With((stream) =>
      stream.respond({ ':status': 200, ...grpc, 'grpc-status': '7' }, { endStream: true }),
    ),
  'a status that is no number': () =>
    http2With((stream) => reply(stream, '', { 'grpc-status': 'fine' })),
  'HTTP status 500': () =>
    http2With((stream) => {
      stream.respond({ ':status': 500, ...grpc });
      stream.end('oh no');
    }),
  'a page': () =>
    http2With((stream) => reply(stream, '<html>', null, { 'content-type': 'text/html' })),
  'a reset': () => http2With((stream) => stream.close(2)),
  'a reset after a build': () =>
    http2With((stream) => {
      stream.respond({ ':status': 200, ...grpc });
      stream.write(frame(event), () => stream.close(2));
    }),
  'the end of the connection': () => http2With((stream) => stream.session.destroy()),
  'HTTP/1.1': () => createHttp1((_, response) => response.end('hello')),
  'an end without a word': () => netWith((socket) => socket.end()),
  'a reset without a word': () => netWith((socket) => socket.destroy()),
  'no word at all': () => netWith((socket) => socket.resume()),
  'no answer': () => http2With(() => {}),
};
