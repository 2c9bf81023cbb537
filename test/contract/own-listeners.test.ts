import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { expect, test } from 'vitest';
import {
  type Listener,
  readListeners,
  readOwnListeners,
} from '../../src/backends/procfs/listeners.ts';

const byInode = (one: Listener, other: Listener): number => one.inode - other.inode;

test('the listeners that the kernel is asked for are those of its tables', async (context) => {
  const where = [
    { port: 0, host: '127.0.0.1' },
    { port: 0, host: '::1' },
    { port: 0, host: '::' },
    { path: `\0buildkit-drain-own-listeners-${process.pid}` },
  ];
  const servers = where.map((each): Server => createServer().listen(each));
  context.onTestFinished(() => {
    for (const server of servers) {
      server.close();
    }
  });
  await Promise.all(servers.map((server) => once(server, 'listening')));

  const own = readOwnListeners('/proc').toSorted(byInode);
  expect(own).toEqual(readListeners('/proc/net').toSorted(byInode));
  expect(own.map(({ kind }) => kind)).toContain('unix');
  const addresses = own.map((listener) => listener.kind === 'tcp' && listener.localAddress);
  expect(addresses).toEqual(expect.arrayContaining(['127.0.0.1', '::1', '::']));
});
