import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { createHolder } from '../../../bench/cost/holders.ts';
import { waitFor } from '../../support/wait-for.ts';

const nowMs = (): number => performance.now();
const host = '127.0.0.1';
const how = { ending: 'reset', hasTraffic: false } as const;

it('the clients of the benchmark send in turn what a build does, as long as they are told to', async () => {
  const bytes: number[] = [];
  const server = createServer((socket) => {
    const index = bytes.push(0) - 1;
    socket.on('error', () => {});
    socket.on('data', ({ length }) => {
      bytes[index] = (bytes[index] ?? 0) + length;
    });
  }).listen(0, host);
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const at = { host, port: (server.address() as AddressInfo).port };
  const clients = createHolder('clients', nowMs);
  onTestFinished(() => clients({ ...how, count: 0, at }).then(() => {}));

  await clients({ ...how, count: 40, at, hasTraffic: true });
  const beginning = 'PRI'.length;
  const sent = (): number => bytes.filter((each) => each > beginning).length;
  await waitFor('the turns of ten clients', () => sent() >= 10);
  expect(new Set(bytes)).toEqual(new Set([beginning, beginning + 215]));

  await clients({ ...how, count: 40, at });
  // What is on its way.
  await delay(100);
  const before = [...bytes];
  await delay(400);
  expect(bytes).toEqual(before);
});

it('the daemon of the benchmark answers what a build sends, and nothing else', async () => {
  const daemon = createHolder('daemon', nowMs);
  const port = await daemon({ ...how, count: 0, at: { host, port: 0 } });
  const client = connect(port, host);
  onTestFinished(() => void client.destroy());
  const answers: number[] = [];
  client.on('data', ({ length }) => answers.push(length));
  client.write('PRI');
  await daemon({ ...how, count: 1, at: { host, port } });
  await delay(100);
  expect(answers).toEqual([]);
  client.write(Buffer.alloc(215));
  await waitFor('the answer', () => answers[0] === 196);
});
