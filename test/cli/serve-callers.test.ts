import { readFileSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { socketInodes } from '../../src/backends/procfs/processes.ts';
import { it, type Serve } from '../support/serve.ts';
import { waitFor } from '../support/wait-for.ts';

/** What strangers may send, and how the answer begins: empty where the connection is just closed. */
const garbage: readonly (readonly [string, string, RegExp])[] = [
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
  ['a tunnel', 'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n', /^$/],
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
    /^(HTTP\/1\.1 400 .*|)$/s,
  ],
  [
    'two lengths',
    'GET /drain HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 9\r\n\r\n',
    /^HTTP\/1\.1 400 /,
  ],
  ['two requests at once', 'GET /drain HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(2), /^$/],
  ['a request, and noise', 'GET /drain HTTP/1.1\r\nHost: x\r\n\r\nnoise\r\n\r\n', /^$/],
  [
    'a request for another protocol',
    'GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n',
    /^HTTP\/1\.1 200 /,
  ],
];

async function metric(serve: Serve, name: string): Promise<number> {
  const { body } = await serve.get('/metrics');
  return Number(new RegExp(`^${name} (.*)$`, 'm').exec(body)?.[1]);
}

describe.concurrent('serve', () => {
  it.for(garbage)('closes the connection of who sends %s', async ([, bytes, begin], { served }) => {
    const serve = await served.serve('--quiet-period', '1h');
    expect(await serve.open(bytes).closed).toMatch(begin);
    expect((await serve.get('/healthz')).status).toBe(200);
  });

  it('answers what it does not serve with an error in JSON', async ({ served }) => {
    const serve = await served.serve();
    const unknown = await serve.get('/drain/');
    expect(unknown.status).toBe(404);
    expect(JSON.parse(unknown.body)).toEqual({
      error:
        'expected one of /drain, /healthz, /readyz, /connections, /metrics but received "/drain/"',
      expected: 'one of /drain, /healthz, /readyz, /connections, /metrics',
      received: '/drain/',
    });
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'HEAD']) {
      const { status, headers, body } = await serve.get('/drain?why', { method });
      expect([method, status, headers.allow]).toEqual([method, 405, 'GET']);
      expect(body).toContain(method === 'HEAD' ? '' : 'expected the method GET but received');
    }
    expect(serve.cli.logs().some(({ event }) => event === 'started')).toBe(false);
  });

  it('cuts who is slow to ask, and not who waits for an answer', async ({ served }) => {
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

  it('keeps its place for the kubelet in a flood', async ({ served }) => {
    const some = await served.clients.connect(served.address);
    const serve = await served.serve();
    const early = serve.get('/drain', { from: '127.0.0.2' });
    await serve.cli.counted(1);
    const asking = 'GET /drain HTTP/1.1\r\nHost: x\r\n\r\n';
    const flood = Array.from({ length: 1200 }, (_, index) => serve.open(index % 2 ? '' : asking));
    await serve.cli.event('too-many', 400);
    const late = serve.get('/drain', { from: '127.0.0.3' });
    expect((await serve.get('/healthz', { from: '127.0.0.4' })).status).toBe(200);
    await served.clients.leave(some);
    expect((await early).status).toBe(200);
    expect((await late).status).toBe(200);
    for (const { socket } of flood) {
      socket.destroy();
    }
  });

  it('looks a few times for many who ask at once', async ({ served }) => {
    const serve = await served.serve();
    const before = await metric(serve, 'buildkit_drain_samples_total');
    await Promise.all(Array.from({ length: 100 }, () => serve.get('/metrics')));
    const after = await metric(serve, 'buildkit_drain_samples_total');
    expect(after).toBeGreaterThan(before);
    expect(after - before).toBeLessThan(50);
  });

  it('leaves nothing open behind a look or a wait', async ({ served }) => {
    const serve = await served.serve();
    const { pid } = serve.cli.process;
    const netlinkSockets = (): number[] => {
      const rows = readFileSync(`/proc/${pid}/net/netlink`, 'utf8').trim().split('\n');
      const held = socketInodes('/proc', pid);
      return rows
        .map((row) => Number(row.trim().split(/\s+/).at(-1)))
        .filter((inode) => held?.has(inode));
    };
    // What is only forgotten, the collector closes sooner or later: at once is the question.
    for (const path of ['/connections', '/readyz', '/metrics']) {
      await serve.get(path);
      expect(netlinkSockets(), path).toEqual([]);
    }
    const drain = serve.get('/drain');
    await waitFor('it waits', () => netlinkSockets().length > 0);
    await drain;
    expect(netlinkSockets()).toEqual([]);
  });
});
