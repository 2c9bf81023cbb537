import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  constants,
  type IncomingHttpHeaders,
} from 'node:http2';
import { BackendError } from '../backends/types.ts';
import { callError, cut, GrpcStatusError, messageOf, quote } from './errors.ts';
import { createFrameReader, encodeFrame, longestMessageBytes, tooLarge } from './frames.ts';
import type { RpcMethod } from './types.ts';

const ok = 0;
const unimplemented = 12;

// In a whole answer each running build is one message of some kilobytes.
const longestAnswerBytes = 4 * longestMessageBytes;

// https://github.com/grpc/grpc/blob/master/doc/statuscodes.md, by number.
const statusNames = [
  ...['OK', 'CANCELLED', 'UNKNOWN', 'INVALID_ARGUMENT', 'DEADLINE_EXCEEDED', 'NOT_FOUND'],
  ...['ALREADY_EXISTS', 'PERMISSION_DENIED', 'RESOURCE_EXHAUSTED', 'FAILED_PRECONDITION'],
  ...['ABORTED', 'OUT_OF_RANGE', 'UNIMPLEMENTED', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS'],
  'UNAUTHENTICATED',
];

export interface StreamOptions {
  /** Ends the call; its answer is not needed any more. */
  readonly signal: AbortSignal;
  /** How long the daemon may take for the whole answer; by default as long as it likes. */
  readonly timeoutMs?: number | undefined;
  /** How long nothing may arrive; by default as long as the daemon likes. */
  readonly idleMs?: number | undefined;
}

export interface CallOptions extends StreamOptions {
  /** The answer is complete with this many messages, and the rest is not awaited. */
  readonly mostMessages?: number | undefined;
}

/**
 * Calls a method and returns the messages of the answer, once the daemon has said that these are all, or when there are
 * `mostMessages`.
 *
 * @throws BackendError
 */
export async function call(
  session: ClientHttp2Session,
  method: RpcMethod,
  { mostMessages = Infinity, ...options }: CallOptions,
): Promise<readonly Uint8Array[]> {
  const messages: Uint8Array[] = [];
  let bytes = 0;
  for await (const message of callStream(session, method, options)) {
    bytes += message.length;
    if (bytes > longestAnswerBytes) {
      throw tooLarge('the answer', longestAnswerBytes);
    }
    messages.push(message);
    if (messages.length >= mostMessages) {
      break;
    }
  }
  return messages;
}

/**
 * Calls a method and yields the messages of the answer as they arrive, until the daemon has said that these are all.
 * To leave the loop before cancels the call. HTTP/2's flow control bounds what has arrived and is not read yet. It
 * follows gRPC's PROTOCOL-HTTP2.md.
 *
 * @throws BackendError
 */
export async function* callStream(
  session: ClientHttp2Session,
  { path, request, since, headers }: RpcMethod,
  { signal, timeoutMs, idleMs = 0 }: StreamOptions,
): AsyncGenerator<Uint8Array, void> {
  const all = {
    ...headers,
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    te: 'trailers',
    // This makes the daemon give up by itself. Our own limit is shorter and gives the error.
    ...(timeoutMs !== undefined && { 'grpc-timeout': `${2 * timeoutMs}m` }),
    'user-agent': 'buildkit-drain',
  };
  signal.throwIfAborted();
  const stream = session.request(all, { signal });
  const reader = createFrameReader();
  let head: IncomingHttpHeaders | null = null;
  let trailers: IncomingHttpHeaders = {};
  stream.on('response', (received) => {
    head = received;
    trailers = received;
  });
  stream.on('trailers', (received) => {
    trailers = received;
  });
  // The loop gets errors. One that comes after its end, as when the session ends, is none.
  stream.on('error', () => {});
  stream.setTimeout(idleMs, () => {
    const message = `the daemon has sent nothing for ${idleMs}ms`;
    stream.destroy(callError('ERR_CALL_TIMEOUT', message));
  });
  stream.end(encodeFrame(request));
  let hasEnded = false;
  try {
    for await (const chunk of chunksOf(stream, signal)) {
      checkHead(head);
      yield* reader.push(chunk);
    }
    hasEnded = true;
    checkHead(head);
    checkStatus(trailers, since);
    reader.end();
  } finally {
    // Servers end a connection with many resets.
    if (!hasEnded) {
      stream.close(constants.NGHTTP2_CANCEL);
    }
  }
}

/** @throws BackendError, or the signal's reason */
async function* chunksOf(stream: ClientHttp2Stream, signal: AbortSignal): AsyncGenerator<Buffer> {
  try {
    yield* stream.iterator({ destroyOnReturn: false });
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof BackendError ? error : cut(messageOf(error), error);
  }
}

function checkHead(headers: (IncomingHttpHeaders & { ':status'?: number }) | null): void {
  if (headers === null) {
    throw cut('the connection ended before it');
  }
  const status = headers[':status'];
  const type = headers['content-type'] ?? '';
  if (status !== 200) {
    throw callError(
      'ERR_HTTP_STATUS',
      `the answer is HTTP status ${status}, not gRPC; check that this is the daemon's address`,
    );
  }
  if (!/^application\/grpc(\+proto)?(;.*)?$/.test(type)) {
    throw callError(
      'ERR_NO_GRPC',
      `the answer is ${quote(type) || 'of no type'}, not gRPC; check that this is the daemon's address`,
    );
  }
}

function checkStatus(trailers: IncomingHttpHeaders, since: string): void {
  const text = trailers['grpc-status'];
  if (text === undefined) {
    throw cut('it has no grpc-status, which would say that it is complete');
  }
  const status = Number(text);
  if (status === ok && text === '0') {
    return;
  }
  const name = statusNames[status] ?? quote(String(text));
  if (status === unimplemented) {
    throw callError(
      'ERR_UNIMPLEMENTED',
      `the daemon does not know the question: it needs ${since}`,
    );
  }
  throw new GrpcStatusError(name, `the daemon answered ${name}${wordsOf(trailers)}`);
}

/** `grpc-message`, in which some characters are written `%20`. */
function wordsOf(trailers: IncomingHttpHeaders): string {
  const text = String(trailers['grpc-message'] ?? '');
  try {
    return text === '' ? '' : `: ${quote(decodeURIComponent(text))}`;
  } catch {
    return `: ${quote(text)}`;
  }
}
