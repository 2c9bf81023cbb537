import { setMaxListeners } from 'node:events';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { call, callStream, type StreamOptions } from './call.ts';
import { type ConnectInput, connect } from './connect.ts';
import { callError, cut, explainTls, isAboutClient, messageOf } from './errors.ts';
import type { GrpcConnection } from './types.ts';

// How long the daemon may take to close its end before ours is torn down.
const closeTimeoutMs = 500;

export interface OpenConnection extends GrpcConnection {
  /** Rejects with the reason when the connection fails or the signal is raised, and never resolves. */
  readonly failed: Promise<never>;
  /** Ends running calls, and the connection. */
  readonly close: () => void;
}

export interface SessionInput extends ConnectInput, Omit<StreamOptions, 'signal'> {
  /** Whether answers are long: HTTP/2's windows are then larger than its default of 64 kB. */
  readonly isBulk?: boolean;
}

// A message of containerd's content has a mebibyte.
const bulkStreamBytes = 1024 * 1024;
const bulkSessionBytes = 4 * bulkStreamBytes;

/** Runs `talk` on a connection of its own. @throws what it throws, BackendError, or the signal's reason */
export async function withConnection<Answer>(
  input: SessionInput,
  talk: (connection: GrpcConnection) => Promise<Answer>,
): Promise<Answer> {
  const connection = await openConnection(input);
  try {
    input.onStage('for the answer');
    return await Promise.race([talk(connection), connection.failed]);
  } finally {
    connection.close();
  }
}

/** Opens a connection on which the daemon has spoken HTTP/2. @throws BackendError, or the signal's reason */
export async function openConnection(input: SessionInput): Promise<OpenConnection> {
  const { endpoint, signal, timeoutMs, idleMs, isBulk = false, onStage } = input;
  const socket = await connect(input);
  const session = openSession(socket, isBulk);
  const over = new AbortController();
  // Each call listens until its stream is closed, which may be after the next one has begun.
  setMaxListeners(0, over.signal);
  const failed = rejection((reject) => {
    rejectOnFailure(session, socket, endpoint.address, over.signal, reject);
    const abort = (): void => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true, signal: over.signal });
  });
  const close = (reason?: unknown): void => {
    over.abort(reason);
    closeSession(session, socket);
  };
  // Calls that are running fail for the same reason.
  failed.catch(close);
  const options = { signal: over.signal, timeoutMs, idleMs };
  try {
    onStage('for the first HTTP/2 frame');
    await Promise.race([firstSettings(session), failed]);
  } catch (error) {
    close();
    throw error;
  }
  return {
    call: (method, mostMessages) => call(session, method, { ...options, mostMessages }),
    stream: (method) => callStream(session, method, options),
    failed,
    close: () => close(),
  };
}

function openSession(socket: Socket, isBulk: boolean): ClientHttp2Session {
  const { remoteAddress, remotePort } = socket;
  const host = remoteAddress?.includes(':') ? `[${remoteAddress}]` : remoteAddress;
  const scheme = (socket as TLSSocket).encrypted ? 'https' : 'http';
  const authority = host === undefined ? 'localhost' : `${host}:${remotePort}`;
  const session = connectHttp2(`${scheme}://${authority}`, {
    createConnection: () => socket,
    ...(isBulk && { settings: { initialWindowSize: bulkStreamBytes } }),
  });
  if (isBulk) {
    session.once('connect', () => session.setLocalWindowSize(bulkSessionBytes));
  }
  return session;
}

function firstSettings(session: ClientHttp2Session): Promise<unknown> {
  return new Promise((resolve) => {
    session.once('remoteSettings', resolve);
  });
}

function rejectOnFailure(
  session: ClientHttp2Session,
  socket: Socket,
  address: string,
  over: AbortSignal,
  reject: (error: unknown) => void,
): void {
  let isHttp2 = false;
  session.once('remoteSettings', () => {
    isHttp2 = true;
  });
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
