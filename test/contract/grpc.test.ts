import { join } from 'node:path';
import { expect } from 'vitest';
import type { Endpoint } from '../../src/backends/types.ts';
import { createOwnSockets } from '../../src/grpc/own-sockets.ts';
import { type OpenConnection, openConnection } from '../../src/grpc/session.ts';
import { type Store, startStore } from '../support/content.ts';
import type { Sandbox } from '../support/sandbox.ts';
import { it } from '../support/test.ts';

const list = {
  path: '/containerd.services.content.v1.Content/List',
  request: new Uint8Array(),
  since: 'a later version',
};

async function connected(sandbox: Sandbox, { buildkitd }: Store): Promise<OpenConnection> {
  const path = join(sandbox.directory, 'socket');
  const address = await buildkitd.listen(`unix://${path}`);
  return await openConnection({
    endpoint: { kind: 'unix', address, path } as Endpoint,
    ...{ tls: null, own: createOwnSockets(), signal: new AbortController().signal },
    onStage: () => {},
  });
}

it('a connection takes more calls than a server takes resets', async ({ sandbox }) => {
  const store = await startStore(sandbox);
  await store.add('one');
  const { call, close } = await connected(sandbox, store);
  for (let calls = 0; calls < 1200; calls += 1) {
    expect(await call(list)).toHaveLength(1);
  }
  close();
});

it('many calls at a time give no warning', async ({ sandbox }) => {
  const store = await startStore(sandbox);
  await store.lieInList('hangs');
  const { call, close } = await connected(sandbox, store);
  const warnings: Error[] = [];
  const note = (warning: Error): void => void warnings.push(warning);
  process.on('warning', note);
  const calls = Array.from({ length: 50 }, () => call(list));
  const ended = Promise.allSettled(calls);
  close();
  expect((await ended).every(({ status }) => status === 'rejected')).toBe(true);
  process.off('warning', note);
  expect(warnings).toEqual([]);
});
