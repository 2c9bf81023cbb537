import { once } from 'node:events';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { Agent, get, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it, type TestContext } from 'vitest';
import { parseExposition } from '../support/prometheus.ts';
import { type Running, run } from '../support/running.ts';
import { waitFor } from '../support/wait-for.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'buildkit-drain-node-examples-'));
afterAll(() => rmSync(folder, { recursive: true }));
cpSync(join(root, 'examples/node'), folder, { recursive: true });
mkdirSync(join(folder, 'node_modules'));
symlinkSync(root, join(folder, 'node_modules/buildkit-drain'));
const programs = readdirSync(join(root, 'examples/node'));

type Test = Pick<TestContext, 'onTestFinished'>;

function start({ onTestFinished }: Test, words: readonly string[], env = {}): Running {
  const [file = '', ...args] = words;
  const running = run([process.execPath, join(folder, file), ...args], { env });
  onTestFinished(() => running.kill());
  return running;
}

async function listen({ onTestFinished }: Test) {
  const server = createServer((socket) => socket.on('error', () => {}).resume());
  onTestFinished(() => void server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const arrive = async (): Promise<Socket> => {
    const client = connect(port, '127.0.0.1');
    onTestFinished(() => void client.destroy());
    await Promise.all([once(client, 'connect'), once(server, 'connection')]);
    return client;
  };
  return { server, address: `tcp://127.0.0.1:${port}`, arrive };
}

async function portOf(running: Running): Promise<number> {
  return Number(/^listening on port (\d+)$/.exec(await running.line(0))?.[1]);
}

async function fetched(
  port: number,
  path: string,
  agent?: Agent,
): Promise<{ status: number | undefined; body: string; connection: string | undefined }> {
  const request = get({ port, path, host: '127.0.0.1', agent: agent ?? false });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const body = (await response.setEncoding('utf8').toArray()).join('');
  return { status: response.statusCode, body, connection: response.headers.connection };
}

it('are programs of less than forty lines', () => {
  expect(programs).toHaveLength(3);
  for (const program of programs) {
    const lines = readFileSync(join(root, 'examples/node', program), 'utf8').split('\n');
    expect(lines.length, program).toBeLessThanOrEqual(40);
  }
});

describe('the live table', () => {
  it('is a line for each change where there is no terminal', async (test) => {
    const { address, arrive, server } = await listen(test);
    const table = start(test, ['live-table.mjs', address]);
    expect(await table.line(0)).toBe(`${address}: 0 connected (+0 -0, 0 unseen)`);
    const client = await arrive();
    expect(await table.line(1)).toBe(`${address}: 1 connected (+1 -0, 0 unseen)`);
    client.destroy();
    expect(await table.line(2)).toBe(`${address}: 0 connected (+1 -1, 0 unseen)`);
    server.close();
    expect(await table.line(3)).toBe(`${address}: unknown, ERR_NO_LISTENER (+1 -1, 0 unseen)`);
  });

  it('is a table in a terminal', async (test) => {
    const { address, arrive } = await listen(test);
    const client = await arrive();
    const command = `stty rows 5 cols 60; exec "${process.execPath}" "${join(folder, 'live-table.mjs')}" ${address}`;
    const terminal = run(['script', '-qec', command, '/dev/null']);
    test.onTestFinished(() => terminal.kill());
    const peer = `127.0.0.1:${client.localPort}`;
    const screen = (): string => terminal.stdout().split('\x1b[2J\x1b[H').at(-1) ?? '';
    const lines = (): string[] => screen().split('\r\n');
    await waitFor('the second second', () => screen().includes(' 1 s'));
    expect(lines().slice(0, 3)).toEqual([
      `${address}: 1 connected (+0 -0, 0 unseen)`,
      `${'PEER'.padEnd(48)}SEEN FOR`,
      `${peer.padEnd(48)}1 s`,
    ]);
    for (let others = 0; others < 9; others += 1) {
      await arrive();
    }
    await waitFor('ten clients', () => screen().includes('10 connected'));
    expect(lines().length).toBeLessThanOrEqual(5);
  });
});

describe('the server that drains itself', () => {
  const serve = async (test: Test, env = {}) => {
    const server = start(test, ['self-draining-server.mjs'], { PORT: '0', ...env });
    const port = await portOf(server);
    return { server, port, kill: () => process.kill(server.pid, 'SIGTERM') };
  };
  const isReady = async (port: number): Promise<boolean> =>
    (await fetched(port, '/ready')).status === 200;

  it('serves on after SIGTERM, until its last client has gone', async (test) => {
    const { server, port, kill } = await serve(test, { NOTICE_MS: '500' });
    const keeping = new Agent({ keepAlive: true });
    test.onTestFinished(() => keeping.destroy());
    expect(await fetched(port, '/', keeping)).toMatchObject({ connection: 'keep-alive' });
    expect(await isReady(port)).toBe(true);
    const slow = fetched(port, '/slow', keeping);
    kill();
    await waitFor('the end of readiness', async () => !(await isReady(port)));
    expect(await fetched(port, '/')).toMatchObject({ status: 200, body: 'hello\n' });
    expect(await slow).toMatchObject({ status: 200, body: 'hello\n', connection: 'close' });
    expect(await server.ended).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/drained\n$/),
    });
  });

  it('waits for a client that is connected and says nothing', async (test) => {
    const { server, port, kill } = await serve(test, { NOTICE_MS: '0' });
    const silent = connect(port, '127.0.0.1');
    await once(silent, 'connect');
    kill();
    await waitFor('the end of readiness', async () => !(await isReady(port)));
    expect(server.stdout()).not.toContain('drained');
    silent.destroy();
    expect(await server.ended).toMatchObject({ code: 0, stderr: '' });
  });

  it('waits no longer than its deadline', async (test) => {
    const { server, port, kill } = await serve(test, { NOTICE_MS: '0', DEADLINE_MS: '500' });
    const silent = connect(port, '127.0.0.1').on('error', () => {});
    await once(silent, 'connect');
    kill();
    const { code, stdout } = await server.ended;
    expect([code, stdout.split('\n')[1]]).toEqual([
      0,
      'not drained: TimeoutError: The operation was aborted due to timeout',
    ]);
  });
});

describe('the exporter', () => {
  const samplesAt = async (port: number): Promise<Record<string, number>> => {
    const { body } = await fetched(port, '/metrics');
    const samples = parseExposition('prometheus', body).flatMap((family) => family.samples);
    return Object.fromEntries(samples.map(({ name, value }) => [name, value]));
  };

  it('exposes how many there are, and no number where that is unknown', async (test) => {
    const { address, arrive, server } = await listen(test);
    const client = await arrive();
    const exporter = start(test, ['connections-exporter.mjs', address, '0']);
    const port = await portOf(exporter);
    const counted = (now: number, opened: number, closed: number) => ({
      socket_connections: now,
      socket_connections_known: 1,
      socket_connections_opened_total: opened,
      socket_connections_closed_total: closed,
    });
    expect(await samplesAt(port)).toEqual(counted(1, 0, 0));
    const second = await arrive();
    await expect.poll(() => samplesAt(port)).toEqual(counted(2, 1, 0));
    second.destroy();
    await expect.poll(() => samplesAt(port)).toEqual(counted(1, 1, 1));
    server.close();
    await expect.poll(() => samplesAt(port)).toMatchObject({ socket_connections_known: 0 });
    expect(await samplesAt(port)).not.toHaveProperty('socket_connections');
    client.destroy();
    expect(await fetched(port, '/')).toMatchObject({ status: 404 });
  });

  it('escapes the address as a label', async (test) => {
    const exporter = start(test, ['connections-exporter.mjs', 'unix:///run/a"b\\c.sock', '0']);
    const { body } = await fetched(await portOf(exporter), '/metrics');
    const [family] = parseExposition('prometheus', body);
    expect(family?.samples[0]?.labels).toEqual({ address: 'unix:///run/a"b\\c.sock' });
  });
});
