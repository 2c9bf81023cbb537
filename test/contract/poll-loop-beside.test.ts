import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Sampler } from '../../src/backends/types.ts';
import { createMonotonicClock } from '../../src/drain/clock.ts';
import { drain } from '../../src/drain/drain.ts';
import type { DrainEvent } from '../../src/drain/types.ts';
import { openMonitor } from '../../src/monitor/monitor.ts';
import { drainDefaults } from '../../src/options/drain-config.ts';
import { daemonSaying, runsNone } from '../unit/support/samples.ts';

// Two waits beside each other for the same real sockets: the addon polls for one, JavaScript for the other.

const clients = 3;
const pauseMs = 160;
const step = fc.record({
  client: fc.nat({ max: clients - 1 }),
  does: fc.constantFrom('come or go', 'send', 'send', 'rest'),
});

const config = {
  ...drainDefaults(),
  ...{ intervalMs: 10, quietPeriodMs: 60_000, probeGraceMs: 50, progressEveryMs: 60_000 },
};

interface Waiting {
  readonly told: readonly string[];
  readonly runs: () => number;
  readonly stop: () => Promise<number>;
}

function wait(port: number, isByLoop: boolean, nameOf: (peer: string | null) => string): Waiting {
  const endpoint = { kind: 'tcp', address: `tcp://127.0.0.1:${port}`, localPort: port } as const;
  const monitor = openMonitor({
    ...{ addresses: [endpoint], pid: null, backend: 'sock-diag', env: {}, notify: () => {} },
  });
  const clock = createMonotonicClock();
  const stop = new AbortController();
  const told: string[] = [];
  let runs = 0;
  const sampler: Sampler = {
    ...monitor,
    // Otherwise polls are a second apart, and the two see several changes as one.
    announcesEnd: () => false,
    loop() {
      const loop = isByLoop ? monitor.loop() : null;
      runs += loop === null ? 0 : 1;
      return loop;
    },
  };
  const over = drain({
    ...{ sampler, config, clock, signal: stop.signal },
    builds: daemonSaying(() => runsNone()),
    onEvent: (event) => told.push(...tellings(event, nameOf)),
  });
  return {
    told,
    runs: () => runs,
    async stop() {
      stop.abort();
      const { polls } = await over;
      monitor.close();
      return polls;
    },
  };
}

function tellings(event: DrainEvent, nameOf: (peer: string | null) => string): string[] {
  const named = (entries: readonly { connection: { peer: string | null }; kind: string }[]) =>
    entries.map(({ connection, kind }) => `${nameOf(connection.peer)} ${kind}`).sort();
  switch (event.kind) {
    case 'changed':
      return [`changed +${named(event.arrived)} -${named(event.left)}`];
    case 'not-counted':
    case 'counted-again':
      return [`${event.kind} ${named([event.entry])}`];
    case 'short-lived-clients':
      // The kernel reports an end a moment after the connection has left its table: whether that is in
      // time for the same poll is chance.
      return [];
    default:
      return [event.kind];
  }
}

it('a wait is told the same of real sockets by the addon as by polls of its own', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 8, maxLength: 14 }), async (steps) => {
      const server = createServer((socket) => socket.resume().on('error', () => {}));
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      const names = new Map<string, string>();
      const sockets: (Socket | undefined)[] = [];
      const nameOf = (peer: string | null): string => names.get(peer ?? '') ?? 'unknown';
      const come = async (client: number): Promise<Socket> => {
        const socket = connect(port, '127.0.0.1');
        await once(socket, 'connect');
        names.set(`127.0.0.1:${socket.localPort}`, `client ${client}`);
        return socket;
      };
      sockets[0] = await come(0);
      const [byLoop, inJavaScript] = [wait(port, true, nameOf), wait(port, false, nameOf)];
      for (const { client, does } of steps) {
        await delay(pauseMs);
        const socket = sockets[client];
        if (does === 'send') {
          socket?.write('x'.repeat(20_000));
        } else if (does === 'come or go') {
          socket?.destroy();
          sockets[client] = socket === undefined ? await come(client) : undefined;
        }
      }
      await delay(pauseMs);
      for (const socket of sockets) {
        socket?.destroy();
      }
      await delay(pauseMs);
      const polls = await Promise.all([byLoop.stop(), inJavaScript.stop()]);
      server.close();
      expect(byLoop.told).toEqual(inJavaScript.told);
      expect(Math.min(...polls)).toBeGreaterThan(steps.length);
      expect([byLoop.runs() > 0, inJavaScript.runs()]).toEqual([true, 0]);
    }),
    { numRuns: 4 },
  );
}, 120_000);
