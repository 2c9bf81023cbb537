import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { socketInodes } from '../../src/backends/procfs/processes.ts';
import { it, type Serve } from '../support/serve.ts';

/** Requests that are refused, and how the answer begins. */
const refused: readonly (readonly [string, string, RegExp])[] = [
  ['a line of noise', 'hello there\r\n\r\n', /^HTTP\/1\.1 400 /],
  ['zero bytes', '\0\0\0\0\r\n\r\n', /^HTTP\/1\.1 400 /],
  ['a path with a zero byte', 'GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n', /^HTTP\/1\.1 400 /],
  ['a header with a zero byte', 'GET / HTTP/1.1\r\nHost: \0\r\n\r\n', /^HTTP\/1\.1 400 /],
  ['no host', 'GET /healthz HTTP/1.1\r\n\r\n', /^HTTP\/1\.1 400 /],
  ['HTTP of the future', 'GET / HTTP/7.3\r\nHost: x\r\n\r\n', /^HTTP\/1\.1 400 /],
  ['a giant header', `GET / HTTP/1.1\r\nA: ${'a'.repeat(9000)}\r\n\r\n`, /^HTTP\/1\.1 431 /],
  ['a giant path', `GET /${'a'.repeat(9000)} HTTP/1.1\r\n\r\n`, /^HTTP\/1\.1 431 /],
  ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', /^HTTP\/1\.1 400 /],
  ['the hello of TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', /^HTTP\/1\.1 400 /],
  ['a tunnel', 'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n', /^HTTP\/1\.1 405 .*^Allow: GET, HEAD/ms],
  [
    'a body',
    'GET /drain HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello',
    /^HTTP\/1\.1 400 .*a request without a body/s,
  ],
  [
    'a body that never comes',
    'GET /drain HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n',
    /^HTTP\/1\.1 400 .*a request without a body/s,
  ],
  [
    'chunks of nonsense',
    'GET /drain HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
    /^HTTP\/1\.1 400 .*a request without a body/s,
  ],
  [
    'two lengths',
    'GET /drain HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 9\r\n\r\n',
    /^HTTP\/1\.1 400 /,
  ],
  ['half a request', 'GET /healthz HTTP/1.1\r\nHost:', /^HTTP\/1\.1 408 /],
  ['a health check of HAProxy', 'OPTIONS / HTTP/1.0\r\n\r\n', /^HTTP\/1\.1 404 /],
  [
    'a method that the path has not',
    'PUT /healthz HTTP/1.0\r\n\r\n',
    /^HTTP\/1\.1 405 .*^Allow: GET, HEAD/ms,
  ],
];

const get = 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n';

/** Requests that are answered, as a list of segments. */
const answered: readonly (readonly [string, readonly string[]])[] = [
  ['with line ends before it', ['\r\n\r\n', get]],
  ['with line ends behind it', [`${get}\r\n\r\n`]],
  ['with line ends in the next segment', [get, '\r\n']],
  ['with others behind it', [get.repeat(3)]],
  ['with another path behind it', [`${get}GET /drain HTTP/1.1\r\nHost: x\r\n\r\n`]],
  ['with noise behind it', [`${get}noise\r\n\r\n`]],
  ['in segments of one byte', [...`\r\n${get}\r\n`]],
  ['cut within its last line end', [get.slice(0, -1), `\n${get}`]],
  ['of HTTP/1.0', ['GET /healthz HTTP/1.0\r\n\r\n']],
  ['with the whole URL', ['GET http://x:9234/healthz?a=b HTTP/1.1\r\nHost: x\r\n\r\n']],
  ['with an expectation', ['GET /healthz HTTP/1.1\r\nHost: x\r\nExpect: wonders\r\n\r\n']],
  [
    'for another protocol',
    ['GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n'],
  ],
];

/** Takes an answer apart that is the only one of its connection. */
function parsed(answer: string): { headers: Map<string, string>; body: string } {
  const end = answer.indexOf('\r\n\r\n');
  const lines = answer.slice(0, end).split('\r\n').slice(1);
  const headers = lines.map((line) => line.split(': ', 2) as [string, string]);
  return { headers: new Map(headers), body: answer.slice(end + 4) };
}

async function metric(serve: Serve, name: string): Promise<number> {
  const { body } = await serve.get('/metrics');
  return Number(new RegExp(`^${name} (.*)$`, 'm').exec(body)?.[1]);
}

/** Sends segments one after the other, and resolves with what came until the connection closed. */
async function sent(serve: Serve, segments: readonly string[]): Promise<string> {
  const { socket, closed } = serve.open('');
  socket.setNoDelay();
  for (const segment of segments) {
    socket.write(segment, 'latin1');
    await delay(1);
  }
  return await closed;
}

describe.concurrent('serve', () => {
  it.for(refused)('refuses %s with a body in JSON', async ([, bytes, begin], { served }) => {
    const serve = await served.serve('--quiet-period', '1h');
    const answer = await serve.open(bytes).closed;
    expect(answer).toMatch(begin);
    const { headers, body } = parsed(answer);
    expect(headers.get('Content-Type')).toBe('application/json; charset=utf-8');
    expect(headers.get('Content-Length')).toBe(String(body.length));
    expect(headers.get('Connection')).toBe('close');
    expect(Object.keys(JSON.parse(body))).toEqual(['error', 'expected', 'received']);
    expect((await serve.get('/healthz')).status).toBe(200);
    expect(serve.cli.logs().some(({ event }) => event === 'started')).toBe(false);
  });

  it('sends no body where the refused request is a HEAD', async ({ served }) => {
    const serve = await served.serve();
    for (const segments of [
      ['HEAD /nowhere HTTP/1.1\r\nHost: x\r\n\r\n'],
      ['HEAD /healthz HTTP/1.1\r\n\r\n'],
      ['\r\nHE', 'AD / HTTP/7.3\r\n\r\n'],
      [`HEAD / HTTP/1.1\r\nA: ${'a'.repeat(9000)}\r\n\r\n`],
    ]) {
      const answer = await sent(serve, segments);
      expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /);
      const { headers, body } = parsed(answer);
      expect(Number(headers.get('Content-Length'))).toBeGreaterThan(0);
      expect(body).toBe('');
    }
  });

  it.for(answered)('answers a request %s', async ([, segments], { served }) => {
    const serve = await served.serve();
    const answer = await sent(serve, segments);
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    const { headers, body } = parsed(answer);
    expect(headers.get('Connection')).toBe('close');
    expect(body).toBe('{"serving":true}\n');
    expect(serve.cli.logs().filter(({ event }) => event === 'bad-request')).toEqual([]);
    expect(serve.cli.logs().filter(({ event }) => event === 'request')).toHaveLength(1);
  });

  it('answers a HEAD as a GET, without the body', async ({ served }) => {
    const serve = await served.serve();
    const accept = 'application/openmetrics-text';
    for (const path of [
      '/healthz',
      '/accepting',
      '/readyz',
      '/connections',
      '/metrics',
      '/nowhere',
    ]) {
      const get = await serve.get(path, { headers: { accept } });
      const head = await serve.get(path, { method: 'HEAD', headers: { accept } });
      expect([path, head.status, head.body]).toEqual([path, get.status, '']);
      expect(Object.keys(head.headers)).toEqual(Object.keys(get.headers));
      expect(head.headers['content-type']).toBe(get.headers['content-type']);
      expect(Number(head.headers['content-length'])).toBeGreaterThan(0);
      // The others have an age in them, whose digits differ.
      if (path === '/healthz' || path === '/nowhere') {
        expect(Number(head.headers['content-length'])).toBe(get.body.length);
      }
    }
  });

  it('refuses paths and methods that it does not serve', async ({ served }) => {
    const serve = await served.serve();
    const unknown = await serve.get('/drain/');
    expect(unknown.status).toBe(404);
    expect(JSON.parse(unknown.body)).toEqual({
      error: {
        code: 'ERR_NOT_FOUND',
        operation: 'answer a request',
        message:
          'expected one of /drain, /healthz, /accepting, /readyz, /connections, /metrics but received "/drain/"',
      },
      expected: 'one of /drain, /healthz, /accepting, /readyz, /connections, /metrics',
      received: '/drain/',
    });
    // A HEAD would begin a wait, or look like the end of one.
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'HEAD']) {
      const { status, headers, body } = await serve.get('/drain?why', { method });
      expect([method, status, headers.allow]).toEqual([method, 405, 'GET']);
      expect(body).toContain(method === 'HEAD' ? '' : 'expected the method GET but received');
    }
    expect(serve.cli.logs().some(({ event }) => event === 'started')).toBe(false);
  });

  it('closes connections with a slow request, and not those that wait for an answer', async ({
    served,
  }) => {
    const some = await served.clients.connect(served.address);
    const serve = await served.serve();
    const kubelet = serve.get('/drain');
    await serve.cli.counted(1);
    const mute = serve.open('');
    const slow = serve.open('GET /healthz HTTP/1.1\r\n');
    const drip = setInterval(() => slow.socket.write('a: b\r\n'), 200);
    expect(await mute.closed).toMatch(/^HTTP\/1\.1 408 /);
    expect(await slow.closed).toMatch(/^HTTP\/1\.1 408 /);
    clearInterval(drip);
    await served.clients.leave(some);
    expect((await kubelet).status).toBe(200);
  });

  it('answers the kubelet in a flood', async ({ served }) => {
    const some = await served.clients.connect(served.address);
    const serve = await served.serve();
    const early = serve.get('/drain', { from: '127.0.0.2' });
    await serve.cli.counted(1);
    const asking = 'GET /drain HTTP/1.1\r\nHost: x\r\n\r\n';
    const flood = Array.from({ length: 1200 }, (_, index) => serve.open(index % 2 ? '' : asking));
    await serve.cli.event('connection-limit', 400);
    const late = serve.get('/drain', { from: '127.0.0.3' });
    expect((await serve.get('/healthz', { from: '127.0.0.4' })).status).toBe(200);
    await served.clients.leave(some);
    expect((await early).status).toBe(200);
    expect((await late).status).toBe(200);
    for (const { socket } of flood) {
      socket.destroy();
    }
  });

  it('does not read what a caller keeps sending behind its request', async ({ served }) => {
    const some = await served.clients.connect(served.address);
    const serve = await served.serve();
    const { socket } = serve.open('GET /drain HTTP/1.1\r\nHost: x\r\n\r\n');
    const kubelet = serve.get('/drain');
    await serve.cli.counted(1);
    const part = Buffer.alloc(64 * 1024, 'GET / HTTP/1.1\r\n\r\n');
    // More than the kernel buffers.
    const most = 64 * 1024 * 1024;
    const sendsAll = new Promise<boolean>((resolve) => {
      const send = (): void => {
        const stuck = setTimeout(resolve, 1000, false);
        socket.write(part, (error) => {
          clearTimeout(stuck);
          if (socket.bytesWritten > most) {
            resolve(true);
          } else if (!error) {
            send();
          }
        });
      };
      send();
    });
    expect(await sendsAll).toBe(false);
    expect((await serve.get('/healthz')).status).toBe(200);
    await served.clients.leave(some);
    expect((await kubelet).status).toBe(200);
    socket.destroy();
  });

  it('polls a few times for many requests at once', async ({ served }) => {
    const serve = await served.serve();
    const before = await metric(serve, 'buildkit_drain_samples_total');
    await Promise.all(Array.from({ length: 100 }, () => serve.get('/metrics')));
    const after = await metric(serve, 'buildkit_drain_samples_total');
    expect(after).toBeGreaterThan(before);
    expect(after - before).toBeLessThan(50);
  });

  it('keeps one monitor open, and nothing else behind a poll or a wait', async ({ served }) => {
    const serve = await served.serve();
    const { pid } = serve.cli.process;
    const netlinkSockets = (): number[] => {
      const rows = readFileSync(`/proc/${pid}/net/netlink`, 'utf8').trim().split('\n');
      const held = socketInodes('/proc', pid);
      return rows
        .map((row) => Number(row.trim().split(/\s+/).at(-1)))
        .filter((inode) => held?.has(inode))
        .sort((a, b) => a - b);
    };
    await serve.get('/readyz');
    const kept = netlinkSockets();
    expect(kept).not.toEqual([]);
    // The garbage collector closes what is only forgotten sooner or later, which would not be at once.
    for (const path of ['/connections', '/readyz', '/metrics']) {
      await serve.get(path);
      expect(netlinkSockets(), path).toEqual(kept);
    }
    // The trackers of a wait share the sockets of the steady watch's.
    await serve.get('/drain');
    expect(netlinkSockets(), '/drain').toEqual(kept);
  });
});
