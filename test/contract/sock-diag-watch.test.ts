import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { addonPath, loadAddon } from '../../src/backends/native.ts';
import { createSockDiagBackend } from '../../src/backends/sock-diag.ts';
import type { Backend, EndedConnection, Endpoint, Traffic } from '../../src/backends/types.ts';

const toClose: (() => void)[] = [];
afterEach(() => {
  for (const close of toClose.splice(0)) {
    close();
  }
});

interface WatchStatus {
  readonly backend: Backend;
  readonly endpoint: Endpoint;
  readonly arrive: () => Promise<Socket>;
}

async function scenario(path?: string): Promise<WatchStatus> {
  const server: Server = createServer((socket) => socket.resume().on('error', () => {}));
  server.listen(path ?? { port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const backend = createSockDiagBackend();
  toClose.push(
    () => backend.close(),
    () => server.close(),
  );
  const port = path === undefined ? (server.address() as AddressInfo).port : 0;
  const endpoint: Endpoint =
    path === undefined
      ? { kind: 'tcp', address: `tcp://127.0.0.1:${port}`, localPort: port }
      : { kind: 'unix', address: `unix://${path}`, path };
  const arrive = async (): Promise<Socket> => {
    const accepted = once(server, 'connection');
    const client = path === undefined ? connect(port, '127.0.0.1') : connect(path);
    toClose.push(() => client.destroy());
    await Promise.all([once(client, 'connect'), accepted]);
    return client;
  };
  return { backend, endpoint, arrive };
}

test.each([
  ['tcp', undefined],
  ['unix', `${tmpdir()}/buildkit-drain-watch-${process.pid}.sock`],
])('while nothing changes, looks at a %s endpoint return the same object', async (_kind, path) => {
  const { backend, endpoint, arrive } = await scenario(path);
  const empty = backend.poll(endpoint);
  expect(empty.listenerInodes).toHaveLength(1);
  expect(empty.connections).toEqual([]);
  expect(backend.poll(endpoint)).toBe(empty);

  const client = await arrive();
  const one = backend.poll(endpoint);
  expect(one.connections).toHaveLength(1);
  expect(backend.poll(endpoint)).toBe(one);
  expect(backend.poll(endpoint)).toBe(one);

  client.destroy();
  await expect.poll(() => backend.poll(endpoint).connections).toEqual([]);
});

test('endpoints whose names differ in a control character alone are looked at apart', async () => {
  const path = (character: string): string =>
    `${tmpdir()}/buildkit-drain-apart-${process.pid}-${character}.sock`;
  const address = `unix://${path('?')}`;
  const { backend } = await scenario(path('\u0001'));
  const { arrive } = await scenario(path('\u0002'));
  await arrive();
  const result = (character: string): number =>
    backend.poll({ kind: 'unix', address, path: path(character) }).connections.length;
  expect(result('\u0001')).toBe(0);
  expect(result('\u0002')).toBe(1);
});

test('traffic is asked for on demand, and is that of the very connections that were seen', async () => {
  const { backend, endpoint, arrive } = await scenario();
  const client = await arrive();
  await new Promise<void>((resolve) => client.write('hello', () => resolve()));
  const traffic = (): Traffic | undefined => {
    const [connection] = backend.poll(endpoint).connections;
    return connection && backend.traffic?.(endpoint).get(connection);
  };
  await expect.poll(() => traffic()?.bytesReceived).toBe(5);
  expect(traffic()).toEqual({
    bytesReceived: 5,
    bytesAcked: expect.any(Number),
    msSinceReceived: expect.any(Number),
    msSinceSent: expect.any(Number),
    msSinceAcked: expect.any(Number),
    unanswered: 0,
  });
});

test.each([
  ['tcp', undefined],
  ['unix', `${tmpdir()}/buildkit-drain-unchanged-${process.pid}.sock`],
])(
  'whether a look at a %s endpoint would show anything new is known without it',
  async (_kind, path) => {
    const { backend, endpoint, arrive } = await scenario(path);
    expect(backend.isUnchanged?.(endpoint)).toBe(false);
    backend.poll(endpoint);
    expect(backend.isUnchanged?.(endpoint)).toBe(true);

    const client = await arrive();
    expect(backend.isUnchanged?.(endpoint)).toBe(false);
    expect(backend.isUnchanged?.(endpoint)).toBe(false);
    expect(backend.poll(endpoint).connections).toHaveLength(1);
    await expect.poll(() => backend.poll(endpoint) && backend.isUnchanged?.(endpoint)).toBe(true);

    client.destroy();
    await expect.poll(() => backend.isUnchanged?.(endpoint)).toBe(false);
    await expect.poll(() => backend.poll(endpoint).connections).toEqual([]);
  },
);

test('the end of a connection calls back at once, and one that no look saw is counted', async () => {
  const { backend, endpoint, arrive } = await scenario();
  let calls = 0;
  backend.poll(endpoint);
  expect(backend.announcesEnds?.(endpoint)).toBe(false);
  expect(
    backend.onEnd?.(endpoint, () => {
      calls += 1;
    }),
  ).toBe(true);
  expect(backend.announcesEnds?.(endpoint)).toBe(true);

  const client = await arrive();
  backend.poll(endpoint);
  client.destroy();
  await expect.poll(() => calls).toBe(1);
  expect(backend.poll(endpoint).connections).toEqual([]);
  expect(backend.seenBetweenPolls?.(endpoint)).toBe(0);

  (await arrive()).destroy();
  await expect.poll(() => backend.seenBetweenPolls?.(endpoint)).toBe(1);
  expect(calls).toBe(1);

  backend.onEnd?.(endpoint, null);
  const last = await arrive();
  backend.poll(endpoint);
  last.destroy();
  await sleep(100);
  expect(calls).toBe(1);
});

async function send(client: Socket, bytes: number): Promise<void> {
  await new Promise<void>((resolve) => client.write(Buffer.alloc(bytes), () => resolve()));
}

/** Ends it as a client does that is done, and waits until the kernel has told of it. */
async function ended(
  client: Socket,
  { backend, endpoint }: WatchStatus,
): Promise<EndedConnection[]> {
  client.end();
  const all: EndedConnection[] = [];
  await expect
    .poll(() => {
      backend.poll(endpoint);
      return all.push(...(backend.endedTraffic?.(endpoint) ?? []));
    })
    .toBeGreaterThan(0);
  return all;
}

const fin = 1;

test.each([
  ['that a look has seen', true],
  ['that came and went between two looks', false],
])('the bytes of a connection %s are told when it has ended, once', async (_which, isSeen) => {
  const stage = await scenario();
  const { backend, endpoint, arrive } = stage;
  backend.poll(endpoint);
  expect(backend.endedTraffic?.(endpoint)).toEqual([]);
  const client = await arrive();
  const peer = `127.0.0.1:${client.localPort}`;
  if (isSeen) {
    expect(backend.poll(endpoint).connections).toMatchObject([{ peer }]);
  }
  await send(client, 100_000);
  expect(backend.endedTraffic?.(endpoint)).toEqual([]);
  expect(await ended(client, stage)).toEqual([
    { peer, peerAddress: '127.0.0.1', bytesReceived: 100_000 + fin },
  ]);
  // The client's own socket ends as well, on another port.
  await sleep(100);
  backend.poll(endpoint);
  expect(backend.endedTraffic?.(endpoint)).toEqual([]);
});

test('the end of a connection that no look had seen is news if it brought bytes', async () => {
  const { backend, endpoint, arrive } = await scenario();
  await expect.poll(() => backend.poll(endpoint) && backend.isUnchanged?.(endpoint)).toBe(true);
  const comeAndGo = async (bytes: number): Promise<void> => {
    const client = await arrive();
    if (bytes > 0) {
      await send(client, bytes);
    }
    client.end().resume();
    await once(client, 'close');
  };
  const newsUntilSeen = async (count: number): Promise<number> => {
    let news = 0;
    await expect
      .poll(() => {
        if (!backend.isUnchanged?.(endpoint)) {
          news += 1;
          backend.poll(endpoint);
        }
        return backend.seenBetweenPolls?.(endpoint);
      })
      .toBe(count);
    return news;
  };

  await comeAndGo(0);
  expect(await newsUntilSeen(1)).toBe(0);
  await comeAndGo(5000);
  expect(await newsUntilSeen(2)).toBe(1);
  expect(backend.isUnchanged?.(endpoint)).toBe(true);
});

test('a connection that ended unseen is known by its port', async () => {
  const { endpoint, arrive } = await scenario();
  const tracker = new (loadAddon().TcpTracker)(endpoint.kind === 'tcp' ? endpoint.localPort : 0);
  toClose.push(() => tracker.close());
  tracker.poll();
  const client = await arrive();
  const { localPort } = client;
  client.destroy();
  await expect
    .poll(() => {
      tracker.poll();
      return tracker.portsBetweenPolls();
    })
    .toEqual([localPort]);
});

function run(script: string): string {
  const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env;
  return execFileSync(process.execPath, ['-e', script], {
    encoding: 'utf8',
    env: { ...env, ADDON: addonPath() },
    timeout: 20_000,
  });
}

const load = 'const { TcpTracker } = require(process.env.ADDON);';

test('a callback that is waited for does not keep the process alive', () => {
  expect(
    run(`${load} const tracker = new TcpTracker(1);
      tracker.poll();
      console.log(tracker.onDestroyed(() => {}));`),
  ).toBe('true\n');
});

test('a worker that waits for a callback can be terminated, and leaves nothing open', () => {
  expect(
    run(`const { Worker } = require('node:worker_threads');
      const { readdirSync } = require('node:fs');
      const script = \`${load} const tracker = new TcpTracker(1);
        tracker.poll();
        tracker.onDestroyed(() => {});
        require('node:worker_threads').parentPort.postMessage('ready');
        setInterval(() => {}, 1000);\`;
      const round = async () => {
        const worker = new Worker(script, { eval: true });
        await new Promise((resolve) => worker.once('message', resolve));
        await worker.terminate();
        return readdirSync('/proc/self/fd').length;
      };
      (async () => {
        const first = await round();
        let last;
        for (let i = 0; i < 10; i += 1) last = await round();
        console.log(last <= first);
      })();`),
  ).toBe('true\n');
});

test('an error thrown by a callback is an uncaught exception', () => {
  expect(
    run(`${load} const { createServer, connect } = require('node:net');
      process.on('uncaughtException', (error) => { console.log(error.message); process.exit(0); });
      const server = createServer((socket) => socket.resume()).listen(0, '127.0.0.1', () => {
        const { port } = server.address();
        const tracker = new TcpTracker(port);
        tracker.onDestroyed(() => { throw new Error('mine'); });
        const client = connect(port, '127.0.0.1');
        server.once('connection', () => { tracker.poll(); client.end(); });
      });`),
  ).toBe('mine\n');
});
