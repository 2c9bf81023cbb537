import type { Socket } from 'node:net';
import type { Answering, Refusal } from './types.ts';

interface Limits {
  readonly requestMs: number;
  readonly mostHeaderBytes: number;
}

/** Tells who has sent no request, or not in time, and closes the connection. */
export function refuseGarbage(
  code: string,
  socket: Socket,
  limits: Limits,
  refuse: Answering['refuse'],
): void {
  const { status, contentType, body } = refuse(garbageRefusal(code, limits));
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

function garbageRefusal(code: string, { requestMs, mostHeaderBytes }: Limits): Refusal {
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
