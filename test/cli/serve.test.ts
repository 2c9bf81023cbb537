import { createServer } from 'node:net';
import { constants } from 'node:os';
import { describe, expect } from 'vitest';
import { startCli } from '../support/cli.ts';
import { refusingSockDiag } from '../support/refusals.ts';
import { it, type Serve, startServe } from '../support/serve.ts';
import { waitFor } from '../support/wait-for.ts';

const waiting = (serve: Serve, n = 0) => serve.cli.event('started', n);

/** How many callers have been answered, or have hung up. */
const requests = (serve: Serve) => serve.cli.logs().filter(({ event }) => event === 'request');

describe.concurrent('GET /drain', () => {
  it('is answered when the wait is drained, with what `wait` would report', async ({ served }) => {
    const some = await served.clients.connect(served.address);
    const serve = await served.serve();
    const { reply } = serve.call('/drain');
    await serve.cli.counted(1);
    expect(requests(serve)).toEqual([]);
    await served.clients.leave(some);
    const { status, headers, body } = await reply;
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('application/json; charset=utf-8');
    const answer = JSON.parse(body);
    expect(answer).toMatchObject({
      ...{ outcome: 'drained', exitCode: 0, connections: 0, mostConnections: 1, clients: [] },
      message: (await serve.cli.event('ended')).message,
    });
    expect(answer.waitedMs).toBeGreaterThanOrEqual(500);
  });

  it('at the deadline is answered 503, with the clients that are left', async ({ served }) => {
    const [client] = await served.clients.connect(served.address);
    const serve = await served.serve('--timeout', '700ms');
    const { status, body } = await serve.get('/drain');
    expect(status).toBe(503);
    expect(JSON.parse(body)).toMatchObject({
      ...{ outcome: 'timed-out', exitCode: 3, connections: 1 },
      clients: [{ endpoint: served.address, peer: client?.name }],
    });
  });

  it('is answered 503 when nothing can be counted, without a number', async ({ served }) => {
    const serve = await served.serve('--timeout', '700ms');
    await served.daemon.unlisten(served.address);
    // Its process listens elsewhere, so the address is wrong.
    await served.daemon.listen('tcp://127.0.0.1:0');
    const { status, body } = await serve.get('/drain');
    expect(status).toBe(503);
    const answer = JSON.parse(body);
    expect(answer).toMatchObject({ outcome: 'unknown', exitCode: 4, connections: null });
    expect(answer.error.message).toContain('nothing listens');
  });

  it('is answered 200 when the daemon is gone', async ({ served }) => {
    await served.clients.connect(served.address);
    const serve = await served.serve();
    const { reply } = serve.call('/drain');
    await serve.cli.counted(1);
    // The listener's owner is looked up right after the first poll.
    await served.clients.connect(served.address);
    await serve.cli.counted(2);
    await served.daemon.process.signal('SIGKILL');
    const { status, body } = await reply;
    expect(status).toBe(200);
    expect(JSON.parse(body)).toMatchObject({ outcome: 'gone', exitCode: 0, connections: null });
  });

  it('shares one wait among 200 callers, which all get its outcome', async ({ served }) => {
    const some = await served.clients.connect(served.address);
    const serve = await served.serve();
    const calls = Array.from({ length: 200 }, () => serve.get('/drain'));
    await serve.cli.counted(1);
    await served.clients.leave(some);
    const replies = await Promise.all(calls);
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set(replies.map(({ body }) => body)).size).toBe(1);
    expect(serve.cli.logs().filter(({ event }) => event === 'started')).toHaveLength(1);
  });

  it('continues when callers hang up, even the first', async ({ served }) => {
    const some = await served.clients.connect(served.address);
    const serve = await served.serve();
    const first = serve.call('/drain');
    const hungUp = expect(first.reply).rejects.toThrow();
    await waiting(serve);
    const second = serve.call('/drain');
    first.hangUp();
    await hungUp;
    await waitFor('the hanging up', () => requests(serve).some(({ status }) => status === null));
    await served.clients.leave(some);
    expect((await second.reply).status).toBe(200);
    expect(serve.cli.logs().filter(({ event }) => event === 'started')).toHaveLength(1);
  });

  it('begins another wait when the one before is over', async ({ served }) => {
    const serve = await served.serve();
    expect((await serve.get('/drain')).status).toBe(200);
    const some = await served.clients.connect(served.address);
    const { reply } = serve.call('/drain');
    expect((await waiting(serve, 1))['connections']).toBe(1);
    await served.clients.leave(some);
    expect((await reply).status).toBe(200);
  });

  it('leaves the readiness of the pod as it is', async ({ served }) => {
    const some = await served.clients.connect(served.address);
    const serve = await served.serve();
    const { reply } = serve.call('/drain');
    await serve.cli.counted(1);
    expect((await serve.get('/healthz')).status).toBe(200);
    expect((await serve.get('/readyz')).status).toBe(200);
    await served.clients.leave(some);
    expect((await reply).status).toBe(200);
  });
});

describe.concurrent('serve after a signal', () => {
  it.for(['SIGTERM', 'SIGINT'] as const)(
    'by %s while no client is there exits 0 at once',
    async (signal, { served }) => {
      const serve = await served.serve();
      // A connection without a request does not keep it running.
      const { closed } = serve.open('');
      await serve.get('/healthz');
      const beganMs = performance.now();
      await serve.cli.process.signal(signal);
      expect((await serve.cli.ended).code).toBe(0);
      expect(performance.now() - beganMs).toBeLessThan(4000);
      await closed;
    },
  );

  it('during a wait serves on until that is over, and exits 0', async ({ served }) => {
    const some = await served.clients.connect(served.address);
    const serve = await served.serve();
    const early = serve.get('/drain');
    await serve.cli.counted(1);
    await serve.cli.process.signal('SIGTERM');
    expect(await serve.cli.event('stopping')).toMatchObject({ waitsFor: 'wait' });
    expect((await serve.get('/healthz')).status).toBe(200);
    const late = serve.get('/drain');
    await served.clients.leave(some);
    expect((await early).status).toBe(200);
    expect((await late).status).toBe(200);
    expect((await serve.cli.ended).code).toBe(0);
  });

  it.for([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)(
    'and by a second signal, %s, stops at once: callers get 503, and it exits %i',
    async ([signal, expected], { served }) => {
      const [client] = await served.clients.connect(served.address);
      const serve = await served.serve('--interval', '1h');
      const calls = [serve.get('/drain'), serve.get('/drain')];
      await serve.cli.counted(1);
      await serve.cli.process.signal('SIGTERM');
      await serve.cli.event('stopping');
      await serve.cli.process.signal(signal);
      for (const call of calls) {
        const { status, body } = await call;
        expect(status).toBe(503);
        expect(JSON.parse(body)).toMatchObject({
          ...{ outcome: 'interrupted', exitCode: expected },
          clients: [{ peer: client?.name }],
        });
      }
      expect((await serve.cli.ended).code).toBe(expected);
    },
  );

  it('while clients are there serves a hook that comes after the signal', async ({ served }) => {
    const some = await served.clients.connect(served.address);
    const serve = await served.serve();
    await serve.cli.process.signal('SIGTERM');
    expect(await serve.cli.event('stopping')).toMatchObject({ waitsFor: 'late-hook' });
    const { reply } = serve.call('/drain');
    await serve.cli.counted(1);
    await served.clients.leave(some);
    expect((await reply).status).toBe(200);
    expect((await serve.cli.ended).code).toBe(0);
  });

  it('while they cannot be counted waits for a hook, too', async ({ served }) => {
    const args = ['--addr', served.address, '--builds', 'off', '--backend', 'sock-diag'];
    const through = refusingSockDiag(constants.errno.EPERM);
    const serve = await startServe(served.sandbox, args, { through });
    await serve.cli.process.signal('SIGTERM');
    expect(await serve.cli.event('stopping')).toMatchObject({ waitsFor: 'late-hook' });
    await serve.cli.process.signal('SIGTERM');
    expect((await serve.cli.ended).code).toBe(0);
  });

  it('while clients are there exits 0 when no hook comes', async ({ served }) => {
    await served.clients.connect(served.address);
    const serve = await served.serve();
    await serve.cli.process.signal('SIGTERM');
    await serve.cli.event('stopping');
    const { code, logs } = await serve.cli.ended;
    expect(code).toBe(0);
    expect(logs.some(({ event }) => event === 'started')).toBe(false);
  });

  it('while clients are there exits 0 at a second signal', async ({ served }) => {
    await served.clients.connect(served.address);
    const serve = await served.serve();
    await serve.cli.process.signal('SIGTERM');
    await serve.cli.event('stopping');
    await serve.cli.process.signal('SIGTERM');
    expect((await serve.cli.ended).code).toBe(0);
    expect(serve.cli.logs().at(-1)).toMatchObject({ event: 'interrupting' });
  });
});

describe.concurrent('serve that cannot listen', () => {
  it('on a port in use exits 2, and says what to do', async ({ served }) => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const bound = server.address();
    const listen = `127.0.0.1:${typeof bound === 'object' ? bound?.port : ''}`;
    const namespaces = ['pid', 'mount'] as const;
    const args = ['serve', '--addr', served.address, '--listen', listen];
    const { code, stderr } = await (await startCli(served.sandbox, args, { namespaces })).process
      .ended;
    server.close();
    expect(code).toBe(2);
    expect(stderr).toContain(
      'buildkit-drain: --listen: expected an address and a port to listen on (',
    );
    expect(stderr).toContain('stop the process that listens there, or choose another port');
    expect(stderr).toContain(`but received "${listen}"`);
  });

  it.for([
    '9234',
    'localhost:9234',
    ':',
    ':65536',
    '[::1]',
    '::1:80',
    '[127.0.0.1]:80',
    '1.2.3:80',
  ])('on %j exits 2', async (listen, { sandbox }) => {
    const { code, stderr } = await (await startCli(sandbox, ['serve', '--listen', listen])).process
      .ended;
    expect(code).toBe(2);
    const expected = 'an IP address and a port such as :9234, 127.0.0.1:9234 or [::1]:9234';
    expect(stderr).toContain(`--listen: expected ${expected} but received "${listen}"`);
  });
});
