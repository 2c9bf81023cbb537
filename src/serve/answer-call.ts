import type { IncomingMessage, ServerResponse } from 'node:http';
import { refusalOf } from './refusal.ts';
import type { Answer, Answering, Call } from './types.ts';

/** How long an answer may take on its way to a caller that reads it slowly. */
const deliveryMs = 10_000;

/** Answers one request by its route, unless the caller hangs up before. */
export async function answerCall(
  request: IncomingMessage,
  response: ServerResponse,
  answering: Answering,
): Promise<void> {
  const begunMs = performance.now();
  const { socket, method = '', url = '', headers } = request;
  const about = { kind: 'request', peer: socket.remoteAddress ?? '', method, path: url } as const;
  const log = (status: number | null): void =>
    answering.onEvent({ ...about, status, tookMs: performance.now() - begunMs });
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
    accept: headers.accept,
    onHangUp(callback) {
      onHangUp = callback;
    },
  };
  const answer = await answerOf(request, call, answering);
  if (!isGone) {
    send(response, answer);
    log(answer.status);
  }
}

async function answerOf(
  request: IncomingMessage,
  call: Call,
  { routes, refuse, onEvent }: Answering,
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
