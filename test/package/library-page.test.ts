import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it as plain } from 'vitest';
import * as library from '../../src/index.ts';
import { type Running, run } from '../support/running.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const page = readFileSync(join(root, 'docs/library.md'), 'utf8');
const examples = [...page.matchAll(/```js\n([\s\S]*?)```/g)].map(([, text = '']) => text);

interface Stage {
  readonly client: Socket;
  /** Starts the example that calls this function, with the address of the stage's server in it. */
  readonly start: (name: string) => Running;
}

const it = plain.extend<{ stage: Stage }>({
  stage: async ({ task: _ }, use) => {
    const folder = mkdtempSync(join(tmpdir(), 'buildkit-drain-example-'));
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(root, join(folder, 'node_modules/buildkit-drain'));
    const server = createServer((socket) => socket.resume()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const client = connect(port, '127.0.0.1');
    await Promise.all([once(client, 'connect'), once(server, 'connection')]);
    const started: Running[] = [];
    const start = (name: string): Running => {
      const example = examples.find((text) => text.includes(`${name}(`)) ?? '';
      const script = join(folder, 'example.mjs');
      const address = `tcp://127.0.0.1:${port}`;
      writeFileSync(script, example.replace(/'(tcp|unix):\/\/.*?'/, `'${address}'`));
      const running = run([process.execPath, script]);
      started.push(running);
      return running;
    };
    await use({ client, start });
    await Promise.all(started.map((running) => running.kill()));
    client.destroy();
    server.close();
    rmSync(folder, { recursive: true });
  },
});

describe('docs/library.md', () => {
  it('lists everything that is exported, and nothing else', () => {
    const listed = [...page.matchAll(/^\| `(\w+)/gm)].map(([, name]) => name);
    expect(listed.sort()).toEqual(Object.keys(library).sort());
  });

  it('has an example of a watch that runs', async ({ stage: { client, start } }) => {
    const watch = start('watchConnections');
    expect(await watch.line(0)).toBe('1 +0 -0 0');
    client.destroy();
    expect(await watch.line(1)).toBe('0 +0 -1 0');
  });

  it('has an example of a count that runs', async ({ stage }) => {
    const { stdout, stderr } = await stage.start('countConnections').ended;
    expect([stdout, stderr]).toEqual(['1\n', '']);
  });

  it.for(['openBackend', 'openMonitor'])(
    'has an example of %s that runs',
    async (name, { stage: { client, start } }) => {
      const { stdout, stderr } = await start(name).ended;
      expect([stdout, stderr]).toEqual([`127.0.0.1:${client.localPort} 0\n`, '']);
    },
  );

  it('has an example of a wait that runs, here without a daemon', async ({ stage }) => {
    const { stdout, stderr } = await stage.start('waitForDrain').ended;
    expect(stdout).toMatch(/^nothing-found \d/m);
    expect(stderr).toBe('');
  });
});
