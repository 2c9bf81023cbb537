import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import * as library from '../../src/index.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const page = readFileSync(join(root, 'docs/library.md'), 'utf8');

describe('docs/library.md', () => {
  it('lists everything that is exported, and nothing else', () => {
    const listed = [...page.matchAll(/^\| `(\w+)/gm)].map(([, name]) => name);
    expect(listed.sort()).toEqual(Object.keys(library).sort());
  });

  it('has an example of a monitor that runs', async ({ onTestFinished }) => {
    const folder = mkdtempSync(join(tmpdir(), 'buildkit-drain-example-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(root, join(folder, 'node_modules/buildkit-drain'));
    const server = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const client = connect(port, '127.0.0.1');
    onTestFinished(() => void client.destroy());
    await once(client, 'connect');
    const [, example = ''] = [...page.matchAll(/```js\n([\s\S]*?)```/g)].map(([, text]) => text);
    const script = join(folder, 'example.mjs');
    writeFileSync(script, example.replace(':1234', `:${port}`));
    const { stdout, stderr } = spawnSync(process.execPath, [script], { encoding: 'utf8' });
    expect([stdout, stderr]).toEqual([`127.0.0.1:${client.localPort} 0\n`, '']);
  });
});
