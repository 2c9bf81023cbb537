import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { whoGoes } from './admission.ts';
import { passOneRequest } from './one-request.ts';
import { refusalOf } from './refusal.ts';
import type { Answer, Refusal, Routes, ServerEvent } from './types.ts';

/** Whose request must have come in whole by then; a blocked answer may take as long as it takes. */
const requestMs = 5000;
const checkEveryMs = 1000;
/** How long an answer may take on its way to a caller that reads it slowly. */
const deliveryMs = 10_000;
/** How long answers may be on their way when the server closes. */
const farewellMs = 1000;
const mostHeaderBytes = 8 * 1024;
/** Below the 1024 descriptors that some places allow: looking needs some as well. */
const mostConnections = 512;
/** A caller whose host has died is noticed by keep-alives, the first of them after this. */
const keepAliveMs = 30_000;

export interface HttpServer {
  /** Where it listens, as a URL. */
  readonly url: string;
  /** Listens no more, and resolves when the answers under way are sent. */
  readonly close: () => Promise<void>;
}

export interface ServerInput {
  readonly host: string | null;
  readonly port: number;
  readonly routes: Routes;
  readonly refuse: (refusal: Refusal) => Answer;
  readonly onEvent: (event: ServerEvent) => void;
}

interface Guest {
  readonly socket: Socket;
  readonly peerAddress: string;
  owesRequest: boolean;
}

/**
 * Answers GET requests, one for each connection, and reads no bodies.
 *
 * @throws the error of listen(2), with its code.
 */
export async function openServer(input: ServerInput): Promise<HttpServer> {
  const server = createServer({
    headersTimeout: requestMs,
    requestTimeout: requestMs,
    connectionsCheckingInterval: checkEveryMs,
    maxHeaderSize: mostHeaderBytes,
    keepAlive: true,
    keepAliveInitialDelay: keepAliveMs,
  });
  // Nothing ends a response that is waited for.
  server.timeout = 0;
  const guests = new Map<Socket, Guest>();
  server.on('connection', (socket: Socket) => admit(socket, guests, input));
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    const guest = guests.get(request.socket);
    // Of one that is cut off there may still be a request in the parser.
    if (guest === undefined || !guest.owesRequest) {
      request.socket.destroy();
      return;
    }
    guest.owesRequest = false;
    void serve(request, response, input);
  };
  server.on('request', onRequest);
  server.on('checkContinue', onRequest);
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    refuseGarbage(error.code ?? 'ERR_UNKNOWN', socket, guests.get(socket), input);
  });
  await listen(server, input);
  server.on('error', (error) => input.onEvent({ kind: 'trouble', error }));
  return { url: urlOf(server), close: () => close(server, guests) };
}

function admit(socket: Socket, guests: Map<Socket, Guest>, { onEvent }: ServerInput): void {
  const guest = { socket, peerAddress: socket.remoteAddress ?? '', owesRequest: true };
  guests.set(socket, guest);
  passOneRequest(socket);
  socket.on('close', () => guests.delete(socket));
  if (guests.size > mostConnections) {
    const leaving = whoGoes([...guests.values()]);
    if (leaving !== undefined) {
      guests.delete(leaving.socket);
      leaving.socket.destroy();
      onEvent({ kind: 'too-many', peer: leaving.peerAddress, most: mostConnections });
    }
  }
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  { routes, refuse, onEvent }: ServerInput,
): Promise<void> {
  const begunMs = performance.now();
  const { socket, method = '', url = '', headers } = request;
  const about = { kind: 'request', peer: socket.remoteAddress ?? '', method, path: url } as const;
  const log = (status: number | null): void =>
    onEvent({ ...about, status, tookMs: performance.now() - begunMs });
  let isGone = false;
  let onHangUp = (): void => {};
  response.on('close', () => {
    if (!response.writableEnded) {
      isGone = true;
      onHangUp();
      log(null);
    }
  });
  const answer = await answerOf(request, routes, refuse, onEvent, {
    accept: headers.accept,
    onHangUp: (callback) => {
      onHangUp = callback;
    },
  });
  if (!isGone) {
    send(response, answer);
    log(answer.status);
  }
}

async function answerOf(
  request: IncomingMessage,
  routes: Routes,
  refuse: ServerInput['refuse'],
  onEvent: ServerInput['onEvent'],
  call: Parameters<NonNullable<ReturnType<Routes['get']>>>[0],
): Promise<Answer> {
  const { method = '', url = '', headers } = request;
  const path = url.split('?', 1)[0] ?? '';
  const route = routes.get(path);
  const refusal = refusalOf({ method, path, headers, paths: [...routes.keys()] });
  if (refusal !== null || route === undefined) {
    return refuse(refusal ?? { status: 404, expected: 'a path', received: path });
  }
  try {
    return await route(call);
  } catch (error) {
    onEvent({ kind: 'trouble', error });
    return refuse({ status: 500, expected: 'an answer', received: String(error) });
  }
}

function send(response: ServerResponse, { status, contentType, body, allow }: Answer): void {
  response.writeHead(status, {
    'Content-Type': contentType,
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    // No idle connections: who wants to know more comes again.
    Connection: 'close',
    ...(allow !== undefined && { Allow: allow }),
  });
  response.end(body);
  const { socket } = response;
  const cut = setTimeout(() => socket?.destroy(), deliveryMs).unref();
  socket?.on('close', () => clearTimeout(cut));
}

/** What came is no request, or was too late. */
function refuseGarbage(
  code: string,
  socket: Socket,
  guest: Guest | undefined,
  { refuse, onEvent }: ServerInput,
): void {
  onEvent({ kind: 'not-a-request', peer: guest?.peerAddress ?? '', code });
  if (guest === undefined || !guest.owesRequest || !socket.writable) {
    socket.destroy();
    return;
  }
  const { status, contentType, body } = refuse(garbageRefusal(code));
  socket.end(
    `HTTP/1.1 ${status} ${statusWords[status]}\r\nConnection: close\r\n` +
      `Content-Type: ${contentType}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    () => socket.destroy(),
  );
}

const statusWords: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
};

function garbageRefusal(code: string): Refusal {
  switch (code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return { status: 408, expected: `a request within ${requestMs}ms`, received: 'less' };
    case 'HPE_HEADER_OVERFLOW':
      return {
        status: 431,
        expected: `up to ${mostHeaderBytes} bytes of header`,
        received: 'more',
      };
    default:
      return { status: 400, expected: 'an HTTP/1.1 request', received: code };
  }
}

function listen(server: Server, { host, port }: ServerInput): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, ...(host !== null && { host }) }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function urlOf(server: Server): string {
  const { address, family, port } = server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

function close(server: Server, guests: ReadonlyMap<Socket, Guest>): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    for (const { socket, owesRequest } of guests.values()) {
      if (owesRequest) {
        socket.destroy();
      }
    }
    setTimeout(() => server.closeAllConnections(), farewellMs).unref();
  });
}
