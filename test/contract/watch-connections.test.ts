import { getEventListeners, once } from 'node:events';
import { readdirSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type ListenOptions, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it as plain } from 'vitest';
import { createProcfsBackend } from '../../src/backends/procfs/procfs.ts';
import { createSockDiagBackend } from '../../src/backends/sock-diag.ts';
import { backendNames, type Endpoint } from '../../src/backends/types.ts';
import type { ConnectionsUpdate, CountedUpdate } from '../../src/library/connection-changes.ts';
import { countConnections } from '../../src/library/count-connections.ts';
import { type ConnectionsWatch, watchConnections } from '../../src/library/watch-connections.ts';
import { parseEndpoint } from '../../src/options/endpoint.ts';

interface Stage {
  readonly endpoint: Endpoint;
  readonly arrive: () => Promise<Client>;
  readonly listen: () => Promise<void>;
  /** Stops to listen. The connections stay. */
  readonly stopListening: () => void;
}

interface Client {
  /** Resolves when both ends are gone. */
  readonly leave: () => Promise<void>;
}

const intervalMs = 10;
// Longer than an interval: every watch of this process has polled since.
const pollsPass = (): Promise<void> => delay(5 * intervalMs);
let paths = 0;

async function openStage(kind: Endpoint['kind']): Promise<Stage & { close: () => void }> {
  const toClose: (() => void)[] = [];
  const path = join(tmpdir(), `buildkit-drain-connections-${process.pid}-${paths++}.sock`);
  let server = createServer();
  let where: ListenOptions = kind === 'tcp' ? { host: '127.0.0.1', port: 0 } : { path };
  const listen = async (): Promise<void> => {
    server = createServer((socket) => socket.resume().on('error', () => {}));
    await once(server.listen(where), 'listening');
    const { port } = server.address() as AddressInfo;
    where = kind === 'tcp' ? { host: '127.0.0.1', port } : where;
  };
  const arrive = async (): Promise<Client> => {
    const accepted = once(server, 'connection') as Promise<[Socket]>;
    const client = connect(where as { port: number });
    const [[socket]] = await Promise.all([accepted, once(client, 'connect')]);
    toClose.push(() => client.destroy());
    return {
      async leave() {
        const closed = once(socket, 'close');
        client.destroy();
        await closed;
      },
    };
  };
  await listen();
  return {
    endpoint: parseEndpoint(kind === 'tcp' ? `tcp://127.0.0.1:${where.port}` : `unix://${path}`),
    arrive,
    listen,
    stopListening: () => server.close(),
    close() {
      server.close();
      for (const close of toClose) {
        close();
      }
    },
  };
}

const it = plain.extend<{ tcp: Stage; unix: Stage }>({
  tcp: async ({ task: _ }, use) => {
    const stage = await openStage('tcp');
    await use(stage);
    stage.close();
  },
  unix: async ({ task: _ }, use) => {
    const stage = await openStage('unix');
    await use(stage);
    stage.close();
  },
});

async function nextOf(watch: ConnectionsWatch): Promise<ConnectionsUpdate> {
  const { value } = await watch.next();
  if (value === undefined) {
    throw new Error('the watch has ended');
  }
  return value;
}

async function countedBy(watch: ConnectionsWatch): Promise<CountedUpdate> {
  const update = await nextOf(watch);
  expect(update).toMatchObject({ kind: 'counted' });
  return update as CountedUpdate;
}

function sizes({ connections, arrived, left, unseen }: CountedUpdate): number[] {
  return [connections.length, arrived.length, left.length, unseen];
}

function descriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

describe.each(backendNames)('the connections by %s', (name) => {
  const backends = [
    name === 'sock-diag' ? createSockDiagBackend() : createProcfsBackend('/proc/net'),
  ];
  const watchOf = ({ endpoint }: Stage, signal?: AbortSignal): ConnectionsWatch =>
    watchConnections({ endpoint, backends, intervalMs, signal });

  const stages = (['tcp', 'unix'] as const).map((kind) => [kind]);

  it.for(stages)('of %s are reported as they come and leave', async ([kind], { tcp, unix }) => {
    const stage = kind === 'tcp' ? tcp : unix;
    const first = await stage.arrive();
    await using watch = watchOf(stage);
    const begun = await countedBy(watch);
    expect(sizes(begun)).toEqual([1, 0, 0, 0]);
    expect(begun).toMatchObject({ backend: name, skipped: null });
    const second = await stage.arrive();
    const arrived = await countedBy(watch);
    expect(sizes(arrived)).toEqual([2, 1, 0, 0]);
    expect(arrived.connections).toContain(arrived.arrived[0]);
    await second.leave();
    const left = await countedBy(watch);
    expect(sizes(left)).toEqual([1, 0, 1, 0]);
    expect(left.left[0]?.peer).toBe(arrived.arrived[0]?.peer);
    await first.leave();
    expect(sizes(await countedBy(watch))).toEqual([0, 0, 1, 0]);
  });

  it.for(stages)('of %s are counted at once', async ([kind], { tcp, unix }) => {
    const stage = kind === 'tcp' ? tcp : unix;
    const count = () => countConnections(stage.endpoint, backends);
    expect(count()).toEqual({ count: 0, connections: [], backend: name, skipped: null });
    await stage.arrive();
    await stage.arrive();
    const before = descriptors();
    expect(count()).toMatchObject({ count: 2, connections: [{}, {}] });
    expect(descriptors()).toBe(before);
  });

  it('are unknown without a listener, and the way back is an update too', async ({ tcp }) => {
    const client = await tcp.arrive();
    await using watch = watchOf(tcp);
    expect(sizes(await countedBy(watch))).toEqual([1, 0, 0, 0]);
    tcp.stopListening();
    const unknown = {
      error: { name: 'BackendError', code: 'ERR_NO_LISTENER' },
      connections: [{ endpoint: tcp.endpoint.address }],
    };
    expect(await nextOf(watch)).toMatchObject({ kind: 'unknown', ...unknown });
    expect(countConnections(tcp.endpoint, backends)).toMatchObject({ count: null, ...unknown });
    await client.leave();
    expect(await nextOf(watch)).toMatchObject({ kind: 'unknown', connections: [] });
    expect(countConnections(tcp.endpoint, backends)).toMatchObject({
      ...{ count: null, error: { code: 'ERR_NO_LISTENER' }, connections: [] },
    });
    await tcp.listen();
    expect(sizes(await countedBy(watch))).toEqual([0, 0, 1, 0]);
  });

  it('that are there with the first listener have arrived', async ({ tcp }) => {
    tcp.stopListening();
    // The kernel reports the end of a listener late, and not what it was.
    await pollsPass();
    await using watch = watchOf(tcp);
    expect(await nextOf(watch)).toMatchObject({ kind: 'unknown' });
    await tcp.listen();
    await tcp.arrive();
    await pollsPass();
    expect(sizes(await countedBy(watch))).toEqual([1, 1, 0, 0]);
  });

  it('that come and go while no update is asked for are counted as unseen', async ({ tcp }) => {
    const [stays, leaves] = [await tcp.arrive(), await tcp.arrive()];
    await using watch = watchOf(tcp);
    await countedBy(watch);
    const passing = [await tcp.arrive(), await tcp.arrive(), await tcp.arrive()];
    await pollsPass();
    for (const client of [...passing, leaves]) {
      await client.leave();
    }
    await pollsPass();
    await tcp.arrive();
    await pollsPass();
    expect(sizes(await countedBy(watch))).toEqual([2, 1, 1, 3]);
    await stays.leave();
    expect(sizes(await countedBy(watch))).toEqual([1, 0, 1, 0]);
  });

  it('of several calls of next are delivered in turn', async ({ tcp }) => {
    await using watch = watchOf(tcp);
    const updates = [1, 2, 3].map(() => countedBy(watch));
    expect(sizes(await (updates[0] as Promise<CountedUpdate>))).toEqual([0, 0, 0, 0]);
    await tcp.arrive();
    expect(sizes(await (updates[1] as Promise<CountedUpdate>))).toEqual([1, 1, 0, 0]);
    await tcp.arrive();
    expect(sizes(await (updates[2] as Promise<CountedUpdate>))).toEqual([2, 1, 0, 0]);
  });

  describe('cease to be watched', () => {
    type Reach = (watch: ConnectionsWatch, client: Client) => Promise<unknown>;
    const aborts: readonly [string, Reach][] = [
      ['before the first update is asked for', async () => {}],
      ['between two updates', (watch) => watch.next()],
      [
        'while an update is due',
        async (watch, client) => {
          await watch.next();
          await client.leave();
          await pollsPass();
        },
      ],
    ];

    const hasAborted = async (next: ReturnType<ConnectionsWatch['next']>): Promise<void> => {
      const error = { name: 'AbortError', code: 'ABORT_ERR', cause: 'enough' };
      await expect(next).rejects.toMatchObject(error);
    };
    const isOver = async (watch: ConnectionsWatch, { signal }: AbortController): Promise<void> => {
      expect(await watch.next()).toEqual({ done: true, value: undefined });
      expect(await watch.return()).toEqual({ done: true, value: undefined });
      expect(getEventListeners(signal, 'abort')).toEqual([]);
    };

    it.for(aborts)('by an abort %s', async ([, reach], { tcp }) => {
      const client = await tcp.arrive();
      const before = descriptors();
      const stop = new AbortController();
      const watch = watchOf(tcp, stop.signal);
      await reach(watch, client);
      stop.abort('enough');
      expect(descriptors()).toBeLessThanOrEqual(before);
      await hasAborted(watch.next());
      await isOver(watch, stop);
    });

    it('by an abort before the call', async ({ tcp }) => {
      const before = descriptors();
      const stop = new AbortController();
      stop.abort('enough');
      const watch = watchOf(tcp, stop.signal);
      await hasAborted(watch.next());
      expect(descriptors()).toBe(before);
      await isOver(watch, stop);
    });

    it('by an abort while updates are waited for', async ({ tcp }) => {
      const before = descriptors();
      const stop = new AbortController();
      const watch = watchOf(tcp, stop.signal);
      await watch.next();
      const [first, second] = [watch.next(), watch.next()];
      stop.abort('enough');
      expect(descriptors()).toBe(before);
      await hasAborted(first);
      expect(await second).toEqual({ done: true, value: undefined });
      await isOver(watch, stop);
    });

    it('by an end of the watch before an abort, which then rejects nothing', async ({ tcp }) => {
      const stop = new AbortController();
      const watch = watchOf(tcp, stop.signal);
      await watch.next();
      await watch.return();
      stop.abort('enough');
      await isOver(watch, stop);
    });

    it('by an abort that nothing asks about any more', async ({ tcp }) => {
      const stop = new AbortController();
      const watch = watchOf(tcp, stop.signal);
      await watch.next();
      stop.abort('enough');
      await watch.return();
      await isOver(watch, stop);
    });

    const loops: readonly [string, (watch: ConnectionsWatch) => Promise<unknown>][] = [
      [
        'break',
        async (watch) => {
          for await (const _ of watch) {
            break;
          }
        },
      ],
      [
        'an error in the loop',
        async (watch) => {
          const loop = async (): Promise<void> => {
            for await (const _ of watch) {
              throw new Error('of the loop');
            }
          };
          await expect(loop()).rejects.toThrow('of the loop');
        },
      ],
      [
        'the end of a block, while an update is waited for',
        async (watch) => {
          await using ends = watch;
          await ends.next();
          setImmediate(() => watch.return());
          expect(await ends.next()).toEqual({ done: true, value: undefined });
        },
      ],
    ];

    it.for(loops)('by %s', async ([, loop], { tcp }) => {
      const before = descriptors();
      const stop = new AbortController();
      const watch = watchOf(tcp, stop.signal);
      await loop(watch);
      expect(descriptors()).toBe(before);
      await isOver(watch, stop);
    });

    it('before they ever were, with nothing opened', async ({ tcp }) => {
      const before = descriptors();
      const { signal } = new AbortController();
      const watch = watchOf(tcp, signal);
      expect(descriptors()).toBe(before);
      expect(getEventListeners(signal, 'abort')).toEqual([]);
      await watch.return();
      expect(await watch.next()).toEqual({ done: true, value: undefined });
      expect(descriptors()).toBe(before);
    });

    it('with nothing left open, a hundred times', async ({ tcp }) => {
      const before = descriptors();
      for (let times = 0; times < 100; times += 1) {
        await using watch = watchOf(tcp);
        await countedBy(watch);
      }
      expect(descriptors()).toBe(before);
    });
  });
});

it('counts each of twenty connections that last less than a poll', async ({ tcp }) => {
  const backends = [createSockDiagBackend()];
  await using watch = watchConnections({
    ...{ endpoint: tcp.endpoint, backends, intervalMs: 500, signal: undefined },
  });
  await countedBy(watch);
  for (let clients = 0; clients < 20; clients += 1) {
    await (await tcp.arrive()).leave();
  }
  const last = await tcp.arrive();
  let counted = 0;
  for await (const update of watch) {
    const { connections, arrived, unseen } = update as CountedUpdate;
    counted += arrived.length + unseen;
    if (counted >= 21 && connections.length === 1) {
      break;
    }
  }
  expect(counted).toBe(21);
  await last.leave();
});
