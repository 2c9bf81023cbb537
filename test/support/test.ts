import { test } from 'vitest';
import { type PeerProcess, startClients, startDaemon } from './peer-process.ts';
import { openSandbox, type Sandbox } from './sandbox.ts';

/** A test with fixtures: a sandbox of its own, a daemon and clients in it, and further sandboxes. */
export const it = test.extend<{
  openSandbox: typeof openSandbox;
  sandbox: Sandbox;
  daemon: PeerProcess;
  clients: PeerProcess;
}>({
  openSandbox: async ({ task: _ }, use) => {
    const sandboxes: Sandbox[] = [];
    await use(async (options) => {
      const sandbox = await openSandbox(options);
      sandboxes.push(sandbox);
      return sandbox;
    });
    await Promise.all(sandboxes.map((sandbox) => sandbox.close()));
  },
  sandbox: async ({ openSandbox }, use) => {
    await use(await openSandbox());
  },
  daemon: async ({ sandbox }, use) => {
    await use(await startDaemon(sandbox));
  },
  clients: async ({ sandbox }, use) => {
    await use(await startClients(sandbox));
  },
});
