import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { aboutRequest, answerRaw, answerRequest } from './answer.ts';
import { closeServer, type ListenInput, limitConnections, listen } from './listening.ts';
import {
  badRequestRefusal,
  methodRefusal,
  mostHeaderBytes,
  requestMs,
} from './request-validation.ts';
import type { Handlers } from './types.ts';

const checkEveryMs = 1000;
/** Keep-alive probes find a caller whose host has died, the first of them after this time. */
const keepAliveMs = 30_000;

export interface HttpServer {
  /** The address that it listens on, as a URL. */
  readonly url: string;
  /** Stops listening, and resolves when the answers under way are sent. */
  readonly close: () => Promise<void>;
}

export interface ServerInput extends Handlers, ListenInput {}

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
  const connections = limitConnections(server, input.onEvent);
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
  const address = await listen(server, input);
  return { url: `http://${address}`, close: () => closeServer(server, connections) };
}
