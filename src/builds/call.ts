import { type ClientHttp2Session, constants, type IncomingHttpHeaders } from 'node:http2';
import type { RpcMethod } from './control.ts';
import { askError, cut, messageOf, quote } from './errors.ts';
import { createFrameReader, encodeFrame } from './frames.ts';

const ok = 0;
const unimplemented = 12;

// https://github.com/grpc/grpc/blob/master/doc/statuscodes.md, by number.
const statusNames = [
  ...['OK', 'CANCELLED', 'UNKNOWN', 'INVALID_ARGUMENT', 'DEADLINE_EXCEEDED', 'NOT_FOUND'],
  ...['ALREADY_EXISTS', 'PERMISSION_DENIED', 'RESOURCE_EXHAUSTED', 'FAILED_PRECONDITION'],
  ...['ABORTED', 'OUT_OF_RANGE', 'UNIMPLEMENTED', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS'],
  'UNAUTHENTICATED',
];

export interface CallOptions {
  /** Ends the call; its answer is not needed any more. */
  readonly signal: AbortSignal;
  /** How long the daemon may take. */
  readonly timeoutMs: number;
  /** The answer is complete with this many messages, and the rest is not awaited. */
  readonly mostMessages?: number;
}

/**
 * Calls a method and returns the messages of the answer, once the daemon has said that these are all, or when there are
 * `mostMessages`. It follows gRPC's PROTOCOL-HTTP2.md.
 *
 * @throws BackendError
 */
export function call(
  session: ClientHttp2Session,
  { path, request }: RpcMethod,
  { signal, timeoutMs, mostMessages = Infinity }: CallOptions,
): Promise<readonly Uint8Array[]> {
  return new Promise((resolve, reject) => {
    const headers = {
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      // This makes the daemon give up by itself. Our own limit is shorter and gives the error.
      'grpc-timeout': `${2 * timeoutMs}m`,
      'user-agent': 'buildkit-drain',
    };
    const stream = session.request(headers, { signal });
    const reader = createFrameReader();
    let trailers: IncomingHttpHeaders = {};
    let hasAnswer = false;

    const attempt = (step: () => void): void => {
      try {
        step();
      } catch (error) {
        reject(error);
        stream.destroy();
      }
    };

    stream.on('response', (headers) => {
      hasAnswer = true;
      trailers = headers;
      attempt(() => checkHead(headers));
    });
    stream.on('data', (chunk: Buffer) => {
      attempt(() => {
        reader.push(chunk);
        if (reader.messages().length >= mostMessages) {
          resolve(reader.messages().slice(0, mostMessages));
          stream.close(constants.NGHTTP2_CANCEL);
        }
      });
    });
    stream.on('trailers', (headers) => {
      trailers = headers;
    });
    stream.on('error', (error) => reject(cut(messageOf(error), error)));
    stream.on('close', () => {
      attempt(() => {
        if (!hasAnswer) {
          throw cut('the connection ended before it');
        }
        checkStatus(trailers);
        resolve(reader.end());
      });
    });
    stream.end(encodeFrame(request));
  });
}

function checkHead(headers: IncomingHttpHeaders & { ':status'?: number | undefined }): void {
  const status = headers[':status'];
  const type = headers['content-type'] ?? '';
  if (status !== 200) {
    throw askError(
      'ERR_HTTP_STATUS',
      `the answer is HTTP status ${status}, not gRPC; check that this is buildkitd's address`,
    );
  }
  if (!/^application\/grpc(\+proto)?(;.*)?$/.test(type)) {
    throw askError(
      'ERR_NO_GRPC',
      `the answer is ${quote(type) || 'of no type'}, not gRPC; check that this is buildkitd's address`,
    );
  }
}

function checkStatus(trailers: IncomingHttpHeaders): void {
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
    throw askError(
      'ERR_UNIMPLEMENTED',
      'the daemon does not know the question: it needs buildkitd v0.12.4 or later',
    );
  }
  throw askError('ERR_GRPC_STATUS', `the daemon answered ${name}${wordsOf(trailers)}`);
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
