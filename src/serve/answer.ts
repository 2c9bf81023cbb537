import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { dropInput, routeOf } from './request-validation.ts';
import type { Answer, Call, Handlers } from './types.ts';

/** How long a caller may take to read its answer. */
const deliveryMs = 10_000;
/** How long to wait until a caller whose request was invalid closes the connection. */
const lingerMs = 1000;

/** Answers one request by its route, unless the caller hangs up first. */
export async function answerRequest(
  request: IncomingMessage,
  response: ServerResponse,
  handlers: Handlers,
): Promise<void> {
  const begunMs = performance.now();
  const log = (status: number | null): void =>
    handlers.onEvent({ ...aboutRequest(request), status, tookMs: performance.now() - begunMs });
  let isGone = false;
  let onHangUp = (): void => {};
  response.on('close', () => {
    if (!response.writableEnded) {
      isGone = true;
      onHangUp();
      log(null);
    }
  });
  const call: Call = {
    accept: request.headers.accept,
    onHangUp(callback) {
      onHangUp = callback;
    },
  };
  const answer = await answerOf(request, call, handlers);
  if (!isGone) {
    response.writeHead(answer.status, headersOf(answer));
    // Node sends no body in the answer to a HEAD.
    response.end(answer.body);
    closeAfter(deliveryMs, request.socket);
    log(answer.status);
  }
}

async function answerOf(
  request: IncomingMessage,
  call: Call,
  { routes, refuse, onEvent }: Handlers,
): Promise<Answer> {
  const route = routeOf(request, routes);
  if ('status' in route) {
    return refuse(route);
  }
  try {
    return await route.answer(call);
  } catch (error) {
    onEvent({ kind: 'internal-error', error });
    return refuse({ status: 500, expected: 'an answer', received: String(error) });
  }
}

/** Answers what is not a request to Node, and closes the connection. */
export function answerRaw(socket: Socket, answer: Answer, method: string): void {
  const headers = Object.entries(headersOf(answer)).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status]}\r\n${headers.join('')}\r\n`;
  sendAndClose(socket, method === 'HEAD' ? head : `${head}${answer.body}`);
}

/** Sends a last text. */
export function sendAndClose(socket: Socket, text: string): void {
  dropInput(socket);
  // The caller closes the other half. Were both closed now, bytes that are still on their way to us
  // would make the kernel reset the connection, and the caller could lose the answer.
  socket.end(text);
  closeAfter(lingerMs, socket);
}

export function aboutRequest({ socket, method = '', url = '' }: IncomingMessage) {
  return { kind: 'request', peer: socket.remoteAddress ?? '', method, path: url } as const;
}

function headersOf({ contentType, body, allow }: Answer): Record<string, string | number> {
  return {
    'Content-Type': contentType,
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    // No idle connections: one request each.
    Connection: 'close',
    ...(allow !== undefined && { Allow: allow.join(', ') }),
  };
}

function closeAfter(durationMs: number, socket: Socket): void {
  const cut = setTimeout(() => socket.destroy(), durationMs).unref();
  socket.on('close', () => clearTimeout(cut));
}
