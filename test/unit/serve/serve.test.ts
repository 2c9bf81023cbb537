import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { refusalAnswer } from '../../../src/messages/serve/answers.ts';
import { metricsFormat } from '../../../src/messages/serve/exposition.ts';
import { connectionToClose } from '../../../src/serve/connections.ts';
import { passOneRequest } from '../../../src/serve/request-validation.ts';
import { openServer } from '../../../src/serve/server.ts';
import { createSharedWait } from '../../../src/serve/shared-wait.ts';
import type { Answer, Routes, ServerEvent } from '../../../src/serve/types.ts';
import { waitFor } from '../../support/wait-for.ts';

describe('the connection to close when there are too many', () => {
  const connections = (text: string) =>
    text.split(' ').map((name, index) => ({
      name: `${name}${index}`,
      peerAddress: name.slice(0, 1),
      awaitsRequest: name.endsWith('?'),
    }));

  it.for([
    ['a? b b b?', 'b?3'],
    ['a a? a? b?', 'a?1'],
    ['a a a b?', 'a2'],
    ['a b a b a?', 'a?4'],
    ['k a a a a', 'a4'],
    ['a? b? k?', 'a?0'],
    ['a b k', 'k2'],
  ])('of %j is %s', ([text, expected]) => {
    expect(connectionToClose(connections(text ?? ''))?.name).toBe(expected);
  });
});

describe('the format of metrics', () => {
  it.for([
    ['application/openmetrics-text', 'openmetrics'],
    ['application/openmetrics-text; version=1.0.0; charset=utf-8', 'openmetrics'],
    ['APPLICATION/OpenMetrics-Text;VERSION="1.0.0"', 'openmetrics'],
    ['text/plain;q=0.3, application/openmetrics-text;version=1.0.0;q=0.3', 'openmetrics'],
    ['text/plain;q=0.5, application/openmetrics-text;version=1.0.0;q=0.3', 'prometheus'],
    ['application/openmetrics-text;q=0', 'prometheus'],
    ['application/openmetrics-text;q=none', 'prometheus'],
    ['application/openmetrics-text;version=0.0.1', 'prometheus'],
    ['text/plain;version=0.0.4', 'prometheus'],
    ['*/*', 'prometheus'],
    [',;=,;q', 'prometheus'],
    ['', 'prometheus'],
  ])('for %j is %s', ([accept, expected]) => {
    expect(metricsFormat(accept)).toBe(expected);
  });
});

describe('a connection that passes one request', () => {
  const get = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';

  it.for([
    ['one', [get]],
    ['one in pieces', [...get]],
    ['one after line ends', [`\r\n\r\n${get}`]],
    ['one after line ends, in pieces', [...`\r\n\n${get}`]],
    ['one before line ends', [`${get}\r\n\r\n`]],
    ['one before line ends, in pieces', [...`${get}\r\n\r\n`]],
    ['one before noise', [`${get}noise\r\n\r\n`]],
    ['one with a cut in its last line end', [get.slice(0, -1), '\n']],
    ['many at once', [get.repeat(2000)]],
    ['many without carriage returns', ['GET / HTTP/1.0\n\n'.repeat(500)]],
    ['many one after the other', [get, get.repeat(100), get]],
    ['a header that ends with the begin of the next', [get.slice(0, -1), `\n${get.repeat(9)}`]],
  ] as const)('of a caller that sends %s', async ([, pieces]) => {
    let requests = 0;
    const errors: string[] = [];
    const server = createServer(() => {
      requests += 1;
    });
    server.on('connection', passOneRequest);
    server.on('clientError', ({ message }: Error, socket: Socket) => {
      errors.push(message);
      socket.destroy();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const bound = server.address();
    const port = typeof bound === 'object' ? (bound?.port ?? 0) : 0;
    const socket = connect(port, '127.0.0.1')
      .setNoDelay()
      .resume()
      .on('error', () => {});
    for (const piece of pieces) {
      if (!socket.destroyed) {
        socket.write(piece);
        await delay(1);
      }
    }
    await waitFor('a request', () => requests > 0 || socket.destroyed);
    await delay(20);
    // Node's parser wants carriage returns.
    const isInvalid = pieces[0].includes('\n\n');
    expect([requests, errors.length]).toEqual(isInvalid ? [0, 1] : [1, 0]);
    socket.destroy();
    server.close();
  });
});

describe('a route that throws', () => {
  it('is answered 500, with the error in the log, and the server keeps serving', async () => {
    const events: ServerEvent[] = [];
    const broken = (): never => {
      throw new Error('broken');
    };
    const routes: Routes = new Map([['/', { methods: ['GET', 'HEAD'], answer: broken }]]);
    const server = await openServer({
      ...{ host: '127.0.0.1', port: 0, routes, refuse: refusalAnswer },
      onEvent: (event) => events.push(event),
    });
    const get = await fetch(server.url);
    expect([get.status, get.headers.get('content-type')]).toEqual([
      500,
      'application/json; charset=utf-8',
    ]);
    expect(await get.text()).toContain('this is a bug in buildkit-drain, please report it');
    const head = await fetch(server.url, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([500, '']);
    const errors = events.filter(({ kind }) => kind === 'internal-error');
    expect(errors).toEqual(Array(2).fill({ kind: 'internal-error', error: new Error('broken') }));
    await server.close();
  });
});

describe('a server that closes', () => {
  it('sends the answers that are under way, and closes connections without a request', async () => {
    const callers: ((answer: Answer) => void)[] = [];
    const slow = (): Promise<Answer> => new Promise((resolve) => callers.push(resolve));
    const routes: Routes = new Map([['/', { methods: ['GET'], answer: slow }]]);
    const refuse = (): Answer => ({ status: 500, contentType: 'text/plain', body: '' });
    const server = await openServer({ host: '127.0.0.1', port: 0, routes, refuse, onEvent() {} });
    const idle = connect(Number(new URL(server.url).port), '127.0.0.1');
    await once(idle, 'connect');
    const reply = fetch(server.url).then((response) => response.text());
    await waitFor('the call', () => callers.length > 0);
    const closed = server.close();
    await once(idle, 'close');
    callers[0]?.({ status: 200, contentType: 'text/plain', body: 'the answer' });
    expect(await reply).toBe('the answer');
    await closed;
  });
});

describe('a shared wait', () => {
  it('fails for all its callers, and the next call begins another', async () => {
    let waits = 0;
    const wait = createSharedWait<number>(async () => {
      waits += 1;
      await delay(1);
      if (waits === 1) {
        throw new Error('broken');
      }
      return waits;
    });
    const kinds: string[] = [];
    wait.join(({ kind }) => kinds.push(kind));
    wait.join(({ kind }) => kinds.push(kind));
    await wait.over();
    expect(kinds).toEqual(['failed', 'failed']);
    expect(wait.isUnderWay()).toBe(false);
    wait.join(({ kind }) => kinds.push(kind));
    await wait.over();
    expect(kinds).toEqual(['failed', 'failed', 'ended']);
  });

  it('does not call callers that have left', async () => {
    const called: string[] = [];
    const wait = createSharedWait(() => delay(1));
    wait.join(() => called.push('one'))();
    wait.join(() => called.push('other'));
    await wait.over();
    expect(called).toEqual(['other']);
  });
});
