import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { coalesce } from '../../../src/serve/coalesce.ts';
import { whoGoes } from '../../../src/serve/connection-limit.ts';
import { metricsFormat } from '../../../src/serve/content-negotiation.ts';
import { passOneRequest } from '../../../src/serve/request-validation.ts';
import { openServer } from '../../../src/serve/server.ts';
import { createSharedWait } from '../../../src/serve/shared-wait.ts';
import type { Answer, Routes } from '../../../src/serve/types.ts';
import { waitFor } from '../../support/wait-for.ts';

describe('who goes when there are too many', () => {
  const guests = (text: string) =>
    text.split(' ').map((name, index) => ({
      name: `${name}${index}`,
      peerAddress: name.slice(0, 1),
      owesRequest: name.endsWith('?'),
    }));

  it.for([
    ['a? b b b?', 'b?3'],
    ['a a? a? b?', 'a?1'],
    ['a a a b?', 'a2'],
    ['a b a b a?', 'a?4'],
    ['k a a a a', 'a4'],
    ['a? b? k?', 'a?0'],
    ['a b k', 'k2'],
  ])('of %j it is %s', ([text, expected]) => {
    expect(whoGoes(guests(text ?? ''))?.name).toBe(expected);
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
  const ask = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';

  it.for([
    ['one', [ask]],
    ['one in pieces', [...ask]],
    ['many at once', [ask.repeat(2000)]],
    ['many without carriage returns', ['GET / HTTP/1.0\n\n'.repeat(500)]],
    ['many one after the other', [ask, ask.repeat(100), ask]],
    ['a header that ends with the begin of the next', [ask.slice(0, -1), `\n${ask.repeat(9)}`]],
  ] as const)('of who sends %s', async ([, pieces]) => {
    let requests = 0;
    const server = createServer(() => {
      requests += 1;
    });
    server.on('connection', passOneRequest);
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
    expect(requests).toBe(pieces[0].includes('\n\n') ? 0 : 1);
    socket.destroy();
    server.close();
  });
});

describe('a server that closes', () => {
  it('sends the answers that are under way, and cuts off who has asked nothing', async () => {
    const callers: ((answer: Answer) => void)[] = [];
    const slow = (): Promise<Answer> => new Promise((resolve) => callers.push(resolve));
    const routes: Routes = new Map([['/', slow]]);
    const refuse = (): Answer => ({ status: 500, contentType: 'text/plain', body: '' });
    const server = await openServer({ host: '127.0.0.1', port: 0, routes, refuse, onEvent() {} });
    const idler = connect(Number(new URL(server.url).port), '127.0.0.1');
    await once(idler, 'connect');
    const reply = fetch(server.url).then((response) => response.text());
    await waitFor('the call', () => callers.length > 0);
    const closed = server.close();
    await once(idler, 'close');
    callers[0]?.({ status: 200, contentType: 'text/plain', body: 'the answer' });
    expect(await reply).toBe('the answer');
    await closed;
  });
});

describe('looks that many share', () => {
  it('begin after each call, one at a time, with a pause after each', async () => {
    const log: string[] = [];
    let results = 0;
    const { result } = coalesce(
      async () => {
        results += 1;
        const number = results;
        log.push(`begin ${number}`);
        await delay(5);
        log.push(`end ${number}`);
        return number;
      },
      async () => {
        await delay(5);
        log.push('paused');
      },
    );
    const first = result();
    await waitFor('the look', () => results === 1);
    const others = [result(), result(), result()];
    expect(await first).toBe(1);
    expect(await Promise.all(others)).toEqual([2, 2, 2]);
    expect(log).toEqual(['begin 1', 'end 1', 'paused', 'begin 2', 'end 2']);
  });

  it('that fail fail for their callers, and for nobody later', async () => {
    let fails = true;
    const { result } = coalesce(
      async () => {
        if (fails) {
          throw new Error('broken');
        }
        return 'polled';
      },
      async () => {},
    );
    await expect(result()).rejects.toThrow('broken');
    fails = false;
    expect(await result()).toBe('polled');
  });
});

describe('a wait that many share', () => {
  it('tells its failure to all of them, and the next call begins another', async () => {
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

  it('keeps nobody who has left', async () => {
    const called: string[] = [];
    const wait = createSharedWait(() => delay(1));
    wait.join(() => called.push('one'))();
    wait.join(() => called.push('other'));
    await wait.over();
    expect(called).toEqual(['other']);
  });
});
