import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { startBuildkitd } from '../support/buildkitd.ts';
import { startClients, startDaemon } from '../support/peer-process.ts';
import { run } from '../support/running.ts';
import type { Sandbox } from '../support/sandbox.ts';
import { type Serve, startServe } from '../support/serve.ts';
import { it } from '../support/test.ts';
import { waitFor } from '../support/wait-for.ts';

const namespaces = ['pid', 'mount'] as const;

async function startBoth(sandbox: Sandbox) {
  const daemon = await startDaemon(sandbox, { namespaces });
  const clients = await startClients(sandbox, { namespaces });
  const { address } = await daemon.listen('tcp://127.0.0.1:0');
  return { daemon, clients, address };
}

const manyProcesses = 200;

/** How often a process has called read(2) and its kind (proc_pid_io(5)), which a search does for each process. */
function readCalls({ cli }: Serve): number {
  const text = readFileSync(`/proc/${cli.process.pid}/io`, 'utf8');
  return Number(/^syscr: (\d+)$/m.exec(text)?.[1]);
}

async function limitFiles(pid: number, count: number): Promise<void> {
  const limited = await run(['prlimit', `--pid=${pid}`, `--nofile=${count}:`]).ended;
  expect(limited).toMatchObject({ code: 0 });
}

describe.concurrent('the monitor of serve', () => {
  it('reads no other process for a request, unless a listener is lost', async ({ sandbox }) => {
    const { daemon, clients, address } = await startBoth(sandbox);
    const others = `for _ in $(seq ${manyProcesses}); do sleep 60 & done; wait`;
    await sandbox.start(['sh', '-c', others], { namespaces });
    const serve = await startServe(sandbox, ['--builds', 'off']);
    await serve.get('/readyz');
    await clients.connect(address);
    const before = readCalls(serve);
    await waitFor('the client', async () => {
      const { body } = await serve.get('/connections');
      return JSON.parse(body).connections === 1;
    });
    expect((await serve.get('/metrics')).body).toContain(`clients{endpoint="${address}"}`);
    expect((await serve.get('/readyz')).status).toBe(200);
    expect(readCalls(serve) - before).toBeLessThan(manyProcesses);
    await daemon.unlisten(address);
    await waitFor('a search', () => readCalls(serve) - before > manyProcesses);
  });

  it('follows a daemon that begins after it, and its successor', async ({ sandbox }) => {
    const serve = await startServe(sandbox, ['--builds', 'off']);
    const connections = async () => JSON.parse((await serve.get('/connections')).body);
    expect(await connections()).toMatchObject({ state: 'nothing-found' });
    const first = await startBoth(sandbox);
    await first.clients.connect(first.address, 2);
    const found = await waitFor('the daemon', async () => {
      const report = await connections();
      return report.connections === 2 && report;
    });
    expect(found).toMatchObject({ endpoints: [{ address: first.address }], notices: [] });
    await first.daemon.process.signal('SIGKILL');
    const second = await startBoth(sandbox);
    await second.clients.connect(second.address, 3);
    const next = await waitFor('its successor', async () => {
      const report = await connections();
      return report.connections === 3 && report;
    });
    expect(next).toMatchObject({ endpoints: [{ address: second.address }] });
  });

  it('never counts its own questions', async ({ sandbox }) => {
    const daemon = await startBuildkitd(sandbox, { namespaces });
    const address = await daemon.listen('tcp://127.0.0.1:0');
    await daemon.behave({ history: 1 });
    const serve = await startServe(sandbox, ['--addr', address]);
    for (let times = 0; times < 10; times += 1) {
      const answers = await Promise.all([serve.get('/connections'), serve.get('/metrics')]);
      expect(JSON.parse(answers[0].body)).toMatchObject({ connections: 0, builds: [] });
      expect(answers[1].body).toContain(`buildkit_drain_clients{endpoint="${address}"} 0\n`);
    }
  });

  it('answers from the latest poll, and polls for a request if that is old', async ({
    sandbox,
  }) => {
    const { clients, address } = await startBoth(sandbox);
    const serve = await startServe(sandbox, [
      '--builds',
      'off',
      '--addr',
      address,
      '--interval',
      '1h',
    ]);
    const connections = async () => JSON.parse((await serve.get('/connections')).body);
    // Two polls are made at the start, and none for these.
    const early = await Promise.all([connections(), connections(), connections()]);
    expect(early.map((answer) => answer.connections)).toEqual([0, 0, 0]);
    await clients.connect(address, 2);
    await delay(1100);
    const { connections: counted, sampleAgeMs } = await connections();
    expect(counted).toBe(2);
    expect(sampleAgeMs).toBeLessThan(1000);
    const polls = async () =>
      Number(/^buildkit_drain_samples_total (\d+)$/m.exec((await serve.get('/metrics')).body)?.[1]);
    const before = await polls();
    await Promise.all(Array.from({ length: 50 }, () => serve.get('/readyz')));
    expect((await polls()) - before).toBeLessThanOrEqual(1);
  });

  it('watches on after no descriptor could be opened', async ({ sandbox }) => {
    const { clients, address } = await startBoth(sandbox);
    const args = ['--builds', 'off', '--addr', address, '--backend', 'procfs'];
    const serve = await startServe(sandbox, args);
    await serve.get('/readyz');
    await limitFiles(serve.cli.process.pid, 3);
    await delay(500);
    await limitFiles(serve.cli.process.pid, 1024);
    await clients.connect(address);
    await waitFor('the client', async () => {
      const { body } = await serve.get('/metrics');
      const isCounted = body.includes(`buildkit_drain_clients{endpoint="${address}"} 1\n`);
      return isCounted && /^buildkit_drain_samples_failed_total [1-9]/m.test(body);
    });
    expect(serve.cli.logs().filter(({ event }) => event === 'poll-failed')).toEqual([]);
  });

  it('counts connections that came and went between two polls', async ({ sandbox }) => {
    const { clients, address } = await startBoth(sandbox);
    const args = [
      '--builds',
      'off',
      '--addr',
      address,
      '--interval',
      '1h',
      '--backend',
      'sock-diag',
    ];
    const serve = await startServe(sandbox, args);
    await clients.leave(await clients.connect(address, 3));
    await waitFor('them', async () => {
      const { body } = await serve.get('/metrics');
      return Number(/between_polls_total (\d+)$/m.exec(body)?.[1]) === 3;
    });
  });
});
