import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { startCli, startWait } from '../support/cli.ts';
import { it, type Serve } from '../support/serve.ts';
import { waitFor } from '../support/wait-for.ts';

const namespaces = ['pid', 'mount'] as const;

async function accepting(serve: Serve): Promise<{ status: number | undefined; reason: unknown }> {
  const { status, body } = await serve.get('/accepting');
  const { accepting, reason, error } = JSON.parse(body);
  expect([accepting, error]).toEqual([status === 200, null]);
  return { status, reason };
}

async function agentPort(serve: Serve): Promise<number> {
  return Number(
    String((await serve.cli.event('agent-check'))['address'])
      .split(':')
      .at(-1),
  );
}

/** What an agent check gets that sends these bytes, until its connection is closed. */
async function checked(port: number, bytes = ''): Promise<string> {
  const socket = connect(port, '127.0.0.1').setEncoding('latin1');
  let line = '';
  socket.on('data', (text: string) => {
    line += text;
  });
  socket.on('error', () => {});
  socket.write(bytes, 'latin1');
  return await new Promise((resolve) => socket.on('close', () => resolve(line)));
}

const agent = ['--agent-check', '127.0.0.1:0'];

describe.concurrent('GET /accepting', () => {
  it('is 503 from the begin of a wait on, and for a while after it', async ({ served }) => {
    const some = await served.clients.connect(served.address);
    const serve = await served.serve(...agent);
    const port = await agentPort(serve);
    expect(await accepting(serve)).toEqual({ status: 200, reason: null });
    expect(await checked(port)).toBe('ready\n');
    const { reply } = serve.call('/drain');
    await serve.cli.counted(1);
    expect(await accepting(serve)).toEqual({ status: 503, reason: 'wait' });
    expect(await checked(port)).toBe('drain\n');
    // These are for the kubelet.
    expect((await serve.get('/healthz')).status).toBe(200);
    expect((await serve.get('/readyz')).status).toBe(200);
    await served.clients.leave(some);
    await reply;
    await waitFor(
      'the end of the marker',
      async () => (await accepting(serve)).reason === 'recent-drain',
    );
    expect(await checked(port)).toBe('drain\n');
  });

  it('is 503 while another process drains the same daemon, and not another one', async ({
    served,
  }) => {
    const serve = await served.serve(...agent);
    const port = await agentPort(serve);
    const other = await served.daemon.listen('tcp://127.0.0.1:0');
    await served.clients.connect(other.address);
    const unrelated = await startWait(served.sandbox, ['--addr', other.address], { namespaces });
    await unrelated.counted(1);
    await delay(200);
    expect(await accepting(serve)).toEqual({ status: 200, reason: null });
    await served.clients.connect(served.address);
    const wait = await startWait(served.sandbox, ['--addr', served.address], { namespaces });
    await wait.counted(1);
    await waitFor('the marker', async () => (await accepting(serve)).reason === 'drain-marker');
    expect(await checked(port)).toBe('drain\n');
    await wait.process.signal('SIGKILL');
    await waitFor('its end', async () => (await accepting(serve)).reason === 'recent-drain');
  });
});

describe.concurrent('--agent-check', () => {
  it('is off by default, and on a port in use exits 2', async ({ served }) => {
    const serve = await served.serve();
    await serve.get('/healthz');
    expect(serve.cli.logs().some(({ event }) => event === 'agent-check')).toBe(false);
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const bound = server.address();
    const listen = `127.0.0.1:${typeof bound === 'object' ? bound?.port : ''}`;
    const args = ['serve', '--addr', served.address, '--listen', '127.0.0.1:0'];
    const cli = await startCli(served.sandbox, [...args, '--agent-check', listen], { namespaces });
    const { code, stderr } = await cli.process.ended;
    server.close();
    expect(code).toBe(2);
    expect(stderr).toContain('buildkit-drain: --agent-check: expected an address and a port');
  });

  it.for(['', 'pod-1\n', 'GET / HTTP/1.1\r\n\r\n', '\0'])(
    'answers one line, whatever it is sent (%j)',
    async (bytes, { served }) => {
      const serve = await served.serve(...agent);
      const port = await agentPort(serve);
      expect(await checked(port, bytes)).toBe('ready\n');
      expect(await checked(port, bytes.repeat(10_000))).toBe('ready\n');
    },
  );

  it('answers in a flood of connections that are never closed', async ({ served }) => {
    const serve = await served.serve(...agent);
    const port = await agentPort(serve);
    const from = { port, host: '127.0.0.1', localAddress: '127.0.0.2', allowHalfOpen: true };
    const flood = Array.from({ length: 700 }, () =>
      connect(from)
        .on('error', () => {})
        .resume(),
    );
    await waitFor('the flood', () => flood.every(({ pending }) => !pending));
    expect(await checked(port)).toBe('ready\n');
    expect((await serve.get('/healthz')).status).toBe(200);
    // Those that stay open are cut.
    await waitFor('their end', () => {
      const open = flood.filter(({ destroyed }) => !destroyed);
      for (const socket of open) {
        socket.write('x');
      }
      return open.length === 0;
    });
  });

  it('is closed when serve stops', async ({ served }) => {
    const serve = await served.serve(...agent);
    const port = await agentPort(serve);
    await serve.cli.process.signal('SIGTERM');
    expect((await serve.cli.ended).code).toBe(0);
    expect(await checked(port)).toBe('');
  });
});
