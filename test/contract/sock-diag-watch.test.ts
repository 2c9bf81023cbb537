import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { addonPath } from '../../src/backends/addon-path.ts';
import { loadAddon } from '../../src/backends/native.ts';
import { createSockDiagBackend } from '../../src/backends/sock-diag.ts';
import type {
  EndedConnection,
  Endpoint,
  OpenEndpoint,
  TcpFacts,
  Traffic,
} from '../../src/backends/types.ts';

const toClose: (() => void)[] = [];
afterEach(() => {
  for (const close of toClose.splice(0)) {
    close();
  }
});

interface Scenario {
  readonly endpoint: OpenEndpoint;
  /** That of a TCP endpoint; never asked of a unix one. */
  readonly tcp: TcpFacts;
  readonly port: number;
  readonly arrive: () => Promise<Socket>;
}

const backend = createSockDiagBackend();

function opened(endpoint: Endpoint): OpenEndpoint {
  const open = backend.open(endpoint);
  toClose.push(() => open.close());
  return open;
}

/** Makes a question of whether a poll now would have the revision of the latest one. */
function watchRevision(endpoint: OpenEndpoint) {
  let revision = 0;
  return {
    poll() {
      const snapshot = endpoint.poll();
      ({ revision } = snapshot);
      return snapshot;
    },
    isUnchanged: () => endpoint.poll().revision === revision,
  };
}

async function scenario(path?: string): Promise<Scenario> {
  const server: Server = createServer((socket) => socket.resume().on('error', () => {}));
  server.listen(path ?? { port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const port = path === undefined ? (server.address() as AddressInfo).port : 0;
  const endpoint = opened(
    path === undefined
      ? { kind: 'tcp', address: `tcp://127.0.0.1:${port}`, localPort: port }
      : { kind: 'unix', address: `unix://${path}`, path },
  );
  toClose.push(() => server.close());
  const arrive = async (): Promise<Socket> => {
    const accepted = once(server, 'connection');
    const client = path === undefined ? connect(port, '127.0.0.1') : connect(path);
    toClose.push(() => client.destroy());
    await Promise.all([once(client, 'connect'), accepted]);
    return client;
  };
  return { endpoint, tcp: endpoint as OpenEndpoint & TcpFacts, port, arrive };
}

test.each([
  ['tcp', undefined],
  ['unix', `${tmpdir()}/buildkit-drain-watch-${process.pid}.sock`],
])('while nothing changes, polls of a %s endpoint return the same object', async (_kind, path) => {
  const { endpoint, arrive } = await scenario(path);
  const empty = endpoint.poll();
  expect(empty.listenerInodes).toHaveLength(1);
  expect(empty.connections).toEqual([]);
  expect(endpoint.poll()).toBe(empty);

  const client = await arrive();
  const one = endpoint.poll();
  expect(one.connections).toHaveLength(1);
  expect(endpoint.poll()).toBe(one);
  expect(endpoint.poll()).toBe(one);

  client.destroy();
  await expect.poll(() => endpoint.poll().connections).toEqual([]);
});

test('endpoints whose names differ only in a control character are polled separately', async () => {
  const path = (character: string): string =>
    `${tmpdir()}/buildkit-drain-apart-${process.pid}-${character}.sock`;
  const address = `unix://${path('?')}`;
  await scenario(path('\u0001'));
  const { arrive } = await scenario(path('\u0002'));
  await arrive();
  const result = (character: string): number =>
    opened({ kind: 'unix', address, path: path(character) }).poll().connections.length;
  expect(result('\u0001')).toBe(0);
  expect(result('\u0002')).toBe(1);
});

test('traffic is asked for on demand, and is that of the very connections that were seen', async () => {
  const { endpoint, tcp, arrive } = await scenario();
  const client = await arrive();
  await new Promise<void>((resolve) => client.write('hello', () => resolve()));
  const traffic = (): Traffic | undefined => {
    const [connection] = endpoint.poll().connections;
    return connection && tcp.traffic().get(connection);
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
  'the revision of a %s endpoint moves when what is seen does, and only then',
  async (_kind, path) => {
    const { endpoint, arrive } = await scenario(path);
    const { poll, isUnchanged } = watchRevision(endpoint);
    expect(isUnchanged()).toBe(false);
    poll();
    expect(isUnchanged()).toBe(true);

    const client = await arrive();
    expect(isUnchanged()).toBe(false);
    expect(isUnchanged()).toBe(false);
    expect(poll().connections).toHaveLength(1);
    await expect.poll(() => poll() && isUnchanged()).toBe(true);

    client.destroy();
    await expect.poll(isUnchanged).toBe(false);
    await expect.poll(() => poll().connections).toEqual([]);
  },
);

test('the end of a connection calls back at once, and one that no poll saw is counted', async () => {
  const { endpoint, tcp, arrive } = await scenario();
  let calls = 0;
  endpoint.poll();
  expect(tcp.announcesEnds()).toBe(false);
  expect(
    tcp.onEnd(() => {
      calls += 1;
    }),
  ).toBe(true);
  expect(tcp.announcesEnds()).toBe(true);

  const client = await arrive();
  endpoint.poll();
  client.destroy();
  await expect.poll(() => calls).toBe(1);
  expect(endpoint.poll().connections).toEqual([]);
  expect(tcp.seenBetweenPolls()).toBe(0);

  (await arrive()).destroy();
  await expect.poll(() => tcp.seenBetweenPolls()).toBe(1);
  expect(calls).toBe(1);

  tcp.onEnd(null);
  const last = await arrive();
  endpoint.poll();
  last.destroy();
  await sleep(100);
  expect(calls).toBe(1);
});

async function send(client: Socket, bytes: number): Promise<void> {
  await new Promise<void>((resolve) => client.write(Buffer.alloc(bytes), () => resolve()));
}

/** Ends the connection as a client does when it is done, and waits until the kernel reports it. */
async function ended(client: Socket, { endpoint, tcp }: Scenario): Promise<EndedConnection[]> {
  client.end();
  const all: EndedConnection[] = [];
  await expect
    .poll(() => {
      endpoint.poll();
      return all.push(...tcp.takeEnded());
    })
    .toBeGreaterThan(0);
  return all;
}

const fin = 1;

test.each([
  ['that a poll has seen', true],
  ['that came and went between two polls', false],
])('the bytes of a connection %s are reported when it has ended, once', async (_which, isSeen) => {
  const stage = await scenario();
  const { endpoint, tcp, arrive } = stage;
  endpoint.poll();
  expect(tcp.takeEnded()).toEqual([]);
  const client = await arrive();
  const peer = `127.0.0.1:${client.localPort}`;
  if (isSeen) {
    expect(endpoint.poll().connections).toMatchObject([{ peer }]);
  }
  await send(client, 100_000);
  expect(tcp.takeEnded()).toEqual([]);
  expect(await ended(client, stage)).toEqual([
    { peer, peerAddress: '127.0.0.1', bytesReceived: 100_000 + fin },
  ]);
  // The client's own socket ends as well, on another port.
  await sleep(100);
  endpoint.poll();
  expect(tcp.takeEnded()).toEqual([]);
});

test('the end of a connection that no poll had seen is news if it brought bytes', async () => {
  const { endpoint, tcp, arrive } = await scenario();
  const { poll, isUnchanged } = watchRevision(endpoint);
  await expect.poll(() => poll() && isUnchanged()).toBe(true);
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
        if (!isUnchanged()) {
          news += 1;
          poll();
        }
        return tcp.seenBetweenPolls();
      })
      .toBe(count);
    return news;
  };

  await comeAndGo(0);
  expect(await newsUntilSeen(1)).toBe(0);
  await comeAndGo(5000);
  expect(await newsUntilSeen(2)).toBe(1);
  expect(isUnchanged()).toBe(true);
});

test('a connection that ended unseen is known by its port', async () => {
  const { port, arrive } = await scenario();
  const tracker = new (loadAddon().TcpTracker)(port);
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
