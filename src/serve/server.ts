import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { answerCall } from './answer-call.ts';
import { refuseGarbage } from './bad-request.ts';
import { whoGoes } from './connection-limit.ts';
import { passOneRequest } from './request-validation.ts';
import type { Answering } from './types.ts';

/** Whose request must have come in whole by then; a blocked answer may take as long as it takes. */
const requestMs = 5000;
const checkEveryMs = 1000;
/** How long answers may be on their way when the server closes. */
const farewellMs = 1000;
const mostHeaderBytes = 8 * 1024;
const limits = { requestMs, mostHeaderBytes };
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

export interface ServerInput extends Answering {
  readonly host: string | null;
  readonly port: number;
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
  let isCrowded = false;
  server.on('connection', (socket: Socket) => {
    const leaving = admit(socket, guests);
    if (leaving !== undefined) {
      const peer = leaving.peerAddress;
      input.onEvent({ kind: 'too-many', peer, most: mostConnections, isFirst: !isCrowded });
      isCrowded = true;
    }
  });
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    const guest = guests.get(request.socket);
    // Of one that is cut off there may still be a request in the parser.
    if (guest === undefined) {
      request.socket.destroy();
      return;
    }
    guest.owesRequest = false;
    void answerCall(request, response, input);
  };
  server.on('request', onRequest);
  server.on('checkContinue', onRequest);
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    const guest = guests.get(socket);
    input.onEvent({ kind: 'not-a-request', peer: guest?.peerAddress ?? '', code: codeOf(error) });
    // Who has asked already is being served, and would take this for the answer.
    const mayAnswer = guest?.owesRequest === true && socket.writable;
    if (mayAnswer) {
      refuseGarbage(codeOf(error), socket, limits, input.refuse);
    } else {
      socket.destroy();
    }
  });
  await listen(server, input);
  server.on('error', (error) => input.onEvent({ kind: 'trouble', error }));
  return { url: urlOf(server), close: () => close(server, guests) };
}

/** Returns who had to go for it. */
function admit(socket: Socket, guests: Map<Socket, Guest>): Guest | undefined {
  const guest = { socket, peerAddress: socket.remoteAddress ?? '', owesRequest: true };
  guests.set(socket, guest);
  passOneRequest(socket);
  socket.on('close', () => guests.delete(socket));
  const leaving = guests.size > mostConnections ? whoGoes([...guests.values()]) : undefined;
  if (leaving !== undefined) {
    guests.delete(leaving.socket);
    leaving.socket.destroy();
  }
  return leaving;
}

function codeOf({ code }: NodeJS.ErrnoException): string {
  return code ?? 'ERR_UNKNOWN';
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
