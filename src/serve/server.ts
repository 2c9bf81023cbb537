import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { aboutRequest, answerRaw, answerRequest } from './answer.ts';
import { addConnection, type CallerConnection, mostConnections } from './connections.ts';
import {
  badRequestRefusal,
  methodRefusal,
  mostHeaderBytes,
  requestMs,
} from './request-validation.ts';
import type { Handlers } from './types.ts';

const checkEveryMs = 1000;
/** How long answers may take to be sent when the server closes. */
const farewellMs = 1000;
/** Keep-alive probes find a caller whose host has died, the first of them after this time. */
const keepAliveMs = 30_000;

export interface HttpServer {
  /** The address that it listens on, as a URL. */
  readonly url: string;
  /** Stops listening, and resolves when the answers under way are sent. */
  readonly close: () => Promise<void>;
}

export interface ServerInput extends Handlers {
  readonly host: string | null;
  readonly port: number;
}

/**
 * Answers one request for each connection, and reads no bodies.
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
    // Node's own refusal would have no body.
    requireHostHeader: false,
  });
  const connections = new Map<Socket, CallerConnection>();
  let isFirst = true;
  server.on('connection', (socket: Socket) => {
    const closed = addConnection(socket, connections);
    if (closed !== undefined) {
      const peer = closed.peerAddress;
      input.onEvent({ kind: 'connection-limit', peer, most: mostConnections, isFirst });
      isFirst = false;
    }
  });
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    const connection = connections.get(request.socket);
    // The parser may still hold a request of a connection that was closed.
    if (connection === undefined) {
      request.socket.destroy();
      return;
    }
    connection.awaitsRequest = false;
    void answerRequest(request, response, input);
  };
  server.on('request', onRequest);
  server.on('checkContinue', onRequest);
  server.on('checkExpectation', onRequest);
  server.on('connect', (request: IncomingMessage, socket: Socket) => {
    // Node has taken its own listener away.
    socket.on('error', () => {});
    const refusal = methodRefusal('CONNECT', ['GET', 'HEAD']);
    answerRaw(socket, input.refuse(refusal), 'CONNECT');
    input.onEvent({ ...aboutRequest(request), status: refusal.status, tookMs: 0 });
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    const connection = connections.get(socket);
    // A request that came is answered, whatever else is wrong.
    if (connection?.awaitsRequest === true) {
      connection.awaitsRequest = false;
      const { code = 'ERR_UNKNOWN' } = error;
      const [method = ''] = connection.requestBegin().split(' ');
      input.onEvent({ kind: 'bad-request', peer: connection.peerAddress, code });
      answerRaw(socket, input.refuse(badRequestRefusal(code)), method);
    }
  });
  await listen(server, input);
  server.on('error', (error) => input.onEvent({ kind: 'internal-error', error }));
  return { url: urlOf(server), close: () => close(server, connections) };
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

function close(server: Server, connections: ReadonlyMap<Socket, CallerConnection>): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    for (const { socket, awaitsRequest } of connections.values()) {
      if (awaitsRequest) {
        socket.destroy();
      }
    }
    const cut = (): void => {
      for (const { socket } of connections.values()) {
        socket.destroy();
      }
    };
    setTimeout(cut, farewellMs).unref();
  });
}
