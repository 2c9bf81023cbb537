import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { HttpMethod, Refusal, Route, Routes } from './types.ts';

/** A request must arrive completely within this time; an answer may take as long as it needs. */
export const requestMs = 5000;
export const mostHeaderBytes = 8 * 1024;

/**
 * Lets the parser see only the first request of a connection. Thousands of small requests in one
 * segment would keep the event loop busy, and each connection gets only one answer.
 *
 * What follows the header in its segment becomes line feeds, which HTTP parsers ignore between
 * requests; later segments are read and dropped.
 *
 * @returns a function that gives the request's first bytes, up to its method.
 */
export function passOneRequest(socket: Socket): () => string {
  let begin = '';
  let tail = '';
  const onData = (chunk: Buffer): void => {
    const text = tail + chunk.toString('latin1');
    // Line ends before a request are ignored, too.
    const start = begin === '' ? text.search(/[^\r\n]/) : 0;
    if (start < 0) {
      return;
    }
    begin = (begin + text.slice(start + tail.length)).slice(0, longestMethod);
    const blankLine = /\n\r?\n/.exec(text.slice(start));
    if (blankLine === null) {
      tail = text.slice(start).slice(-2);
      return;
    }
    chunk.fill('\n', start + blankLine.index + blankLine[0].length - tail.length);
    dropInput(socket);
  };
  // Before the parser's own listener, which still gets the chunk at hand.
  socket.prependListener('data', onData);
  return () => begin;
}

const longestMethod = 8;

const mostDropped = 64 * 1024;

/** Reads and drops what is still sent, so that the connection's end is noticed; not without limit. */
export function dropInput(socket: Socket): void {
  let dropped = 0;
  socket.removeAllListeners('data');
  socket.on('data', ({ length }: Buffer) => {
    dropped += length;
    if (dropped > mostDropped) {
      socket.pause();
    }
  });
}

/** The route that answers a request, or why none does. */
export function routeOf(request: IncomingMessage, routes: Routes): Route | Refusal {
  const { method = '', headers, httpVersion } = request;
  if (headers.host === undefined && httpVersion === '1.1') {
    return { status: 400, expected: 'a Host header', received: 'none' };
  }
  const path = pathOf(request);
  const route = routes.get(path);
  if (route === undefined) {
    return { status: 404, expected: `one of ${[...routes.keys()].join(', ')}`, received: path };
  }
  if (!route.methods.some((each) => each === method)) {
    return methodRefusal(method, route.methods);
  }
  // A body would not be read, and an unread body looks like a request that never ends.
  const length = headers['content-length'] ?? '0';
  const coding = headers['transfer-encoding'];
  if (length !== '0' || coding !== undefined) {
    const received =
      coding === undefined ? `Content-Length: ${length}` : `Transfer-Encoding: ${coding}`;
    return { status: 400, expected: 'a request without a body', received };
  }
  return route;
}

export function methodRefusal(method: string, allow: readonly HttpMethod[]): Refusal {
  return { status: 405, expected: `the method ${allow.join(' or ')}`, received: method, allow };
}

/** Without the query; a proxy may send the whole URL. */
function pathOf({ url = '' }: IncomingMessage): string {
  return url.replace(/^https?:\/\/[^/?]*/i, '').split('?', 1)[0] ?? '';
}

/** Why a request could not be parsed, by the code of Node's error. */
export function badRequestRefusal(code: string): Refusal {
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
