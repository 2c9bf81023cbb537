import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { call, callStream } from './call.ts';
import { type ConnectInput, connect } from './connect.ts';
import { callError, cut, explainTls, isAboutClient, messageOf } from './errors.ts';
import type { RpcMethod } from './types.ts';

// How long the daemon may take to close its end before ours is torn down.
const closeTimeoutMs = 500;

/** Calls methods on one connection. */
export interface GrpcConnection {
  /**
   * The messages of an answer.
   * @param most how many of them are enough; by default all.
   * @throws BackendError
   */
  readonly call: (method: RpcMethod, most?: number) => Promise<readonly Uint8Array[]>;
  /** The messages of an answer as they arrive. @throws BackendError */
  readonly stream: (method: RpcMethod) => AsyncGenerator<Uint8Array, void>;
}

export interface SessionInput extends ConnectInput {
  /** How long the daemon is given for each answer; undefined for as long as it likes. */
  readonly timeoutMs?: number;
}

/** Runs `talk` on a connection of its own. @throws what it throws, BackendError, or the signal's reason */
export async function withConnection<Answer>(
  input: SessionInput,
  talk: (connection: GrpcConnection) => Promise<Answer>,
): Promise<Answer> {
  const { endpoint, signal, timeoutMs, onStage } = input;
  const socket = await connect(input);
  const session = openSession(socket);
  const over = new AbortController();
  const failed = failureOf(session, socket, endpoint.address, over.signal);
  const aborted = abortOf(signal, over.signal);
  const options = { signal: over.signal, ...(timeoutMs !== undefined && { timeoutMs }) };
  try {
    onStage('for the first HTTP/2 frame');
    await Promise.race([firstSettings(session), failed, aborted]);
    onStage('for the answer');
    const answer = talk({
      call: (method, mostMessages) => call(session, method, { ...options, mostMessages }),
      stream: (method) => callStream(session, method, options),
    });
    return await Promise.race([answer, failed, aborted]);
  } finally {
    over.abort();
    closeSession(session, socket);
  }
}

function openSession(socket: Socket): ClientHttp2Session {
  const { remoteAddress, remotePort } = socket;
  const host = remoteAddress?.includes(':') ? `[${remoteAddress}]` : remoteAddress;
  const scheme = (socket as TLSSocket).encrypted ? 'https' : 'http';
  const authority = host === undefined ? 'localhost' : `${host}:${remotePort}`;
  return connectHttp2(`${scheme}://${authority}`, { createConnection: () => socket });
}

function firstSettings(session: ClientHttp2Session): Promise<unknown> {
  return new Promise((resolve) => {
    session.once('remoteSettings', resolve);
  });
}

/** Rejects when the connection fails, and never resolves. */
function failureOf(
  session: ClientHttp2Session,
  socket: Socket,
  address: string,
  over: AbortSignal,
): Promise<never> {
  let isHttp2 = false;
  session.once('remoteSettings', () => {
    isHttp2 = true;
  });
  return rejection((reject) => {
    const fail = (error: unknown): void => {
      if (over.aborted) {
        return;
      }
      if (isAboutClient(error)) {
        reject(explainTls(address, error));
      } else if (isHttp2) {
        reject(cut(messageOf(error), error));
      } else {
        reject(noHttp2(address, session.encrypted ?? false, error));
      }
    };
    // A TLS alert after the handshake is an error of the socket, which the session never reports.
    socket.on('error', fail);
    session.on('error', fail);
    session.once('close', () => fail(new Error('the connection was closed')));
  });
}

function abortOf(signal: AbortSignal, over: AbortSignal): Promise<never> {
  return rejection((reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true, signal: over });
  });
}

/** A promise that can only be rejected. It is never an unhandled rejection. */
function rejection(start: (reject: (error: unknown) => void) => void): Promise<never> {
  const promise = new Promise<never>((_, reject) => start(reject));
  promise.catch(() => {});
  return promise;
}

function noHttp2(address: string, isTls: boolean, cause: unknown): Error {
  const reason = messageOf(cause);
  return isTls
    ? callError(
        'ERR_TLS_REFUSED',
        `${address} ended the connection after the TLS handshake (${reason}): it may not trust this ` +
          'client, to which --tls-cert and --tls-key give a certificate',
        cause,
      )
    : callError(
        'ERR_NO_GRPC',
        `what listens on ${address} does not speak gRPC without TLS (${reason}): ` +
          'if buildkitd speaks TLS there, give --tls-ca; if not, check the address',
        cause,
      );
}

/**
 * Ends the session, and waits in the background until the daemon has closed its end: until then that end is in the kernel's
 * table, where it is known as ours only while our socket is open.
 */
function closeSession(session: ClientHttp2Session, socket: Socket): void {
  session.close();
  socket.unref();
  const timer = setTimeout(() => socket.destroy(), closeTimeoutMs);
  timer.unref();
  socket.once('close', () => clearTimeout(timer));
}
