import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { commands } from '../../src/cli/command-names.ts';
import { exitCodes } from '../../src/cli/exit-codes.ts';
import type { OptionSpec } from '../../src/options/read.ts';
import { serveOptions, waitOptions } from '../../src/options/table.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const optionsPage = readFileSync(join(root, 'docs/options.md'), 'utf8');

/** The cells of the table rows below a heading row that begins with these words. */
function tableBelow(page: string, heading: string): string[][] {
  const lines = page.slice(page.indexOf(heading)).split('\n').slice(2);
  const end = lines.findIndex((line) => !line.startsWith('|'));
  return lines.slice(0, end).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

const code = (text: string): string => (text === '' ? '' : `\`${text}\``);

describe('docs/options.md', () => {
  it('has every option of wait and serve, in order, with its default and the variable of the script', () => {
    const rows = tableBelow(optionsPage, '| option | default').map((cells) => cells.slice(0, 3));
    const options = Object.entries<OptionSpec<unknown>>(serveOptions).map(
      ([name, { argument, standard, script }]) => [
        code(`--${name} ${argument}`.trimEnd()),
        code(standard),
        code(script?.name ?? ''),
      ],
    );
    expect(rows).toEqual(options);
  });

  it('has every command', () => {
    const [rows, names] = [tableBelow(optionsPage, '| command | takes'), Object.keys(commands)];
    const told = rows.flatMap(([cell = '']) =>
      [...cell.matchAll(/`(\w+)/g)].map(([, name]) => name),
    );
    expect([...new Set(told)].toSorted()).toEqual(names.toSorted());
  });

  it('has every exit code', () => {
    const codes = tableBelow(optionsPage, '| code | `wait`').map(([cell]) => Number(cell));
    expect(codes).toEqual([...new Set(Object.values(exitCodes))]);
  });
});

describe('the README', () => {
  it('names the option for each constant of the script that has one', () => {
    const told = tableBelow(readme, '| constant in the script').flatMap(
      ([constant = '', option = '']) => {
        const [, name = '', value = ''] = /^`--([a-z-]+)=(.*)`$/.exec(option) ?? [];
        return name === '' ? [] : [[constant.replace(/^`|=.*$/g, ''), name, value] as const];
      },
    );
    const ofScript = Object.entries(waitOptions).flatMap(([name, { script }]) =>
      script === undefined || script.name === 'DEBUG' ? [] : [[script.name, name]],
    );
    expect(told.map(([constant, name]) => [constant, name])).toEqual(ofScript);
    for (const [, name, value] of told) {
      expect(() => waitOptions[name as keyof typeof waitOptions].parse([value])).not.toThrow();
    }
  });

  it('has an example of the library that runs', async ({ onTestFinished }) => {
    const example = /```js\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
    const server = createServer((socket) => socket.resume()).listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const client = connect(port, '127.0.0.1');
    onTestFinished(() => void client.destroy());
    await once(client, 'connect');

    const folder = mkdtempSync(join(tmpdir(), 'buildkit-drain-example-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(root, join(folder, 'node_modules/buildkit-drain'));
    const script = join(folder, 'example.mjs');
    writeFileSync(script, example.replaceAll(':1234', `:${port}`));
    const program = spawn(process.execPath, [script]);
    onTestFinished(() => void program.kill());
    let output = '';
    for (const stream of [program.stdout, program.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    await expect.poll(() => output, { timeout: 10_000 }).toBe('1\n1 [] [] 0\n');
    const peer = `127.0.0.1:${client.localPort}`;
    client.destroy();
    await expect.poll(() => output, { timeout: 10_000 }).toMatch(/\n0 \[\] \[[^\]]+\] 0\n$/);
    expect(output).toContain(`peer: '${peer}'`);
  });
});
