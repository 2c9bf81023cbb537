import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { type Cli, startWait } from '../support/cli.ts';
import { compiled } from '../support/native.ts';
import { startClients, startDaemon } from '../support/peer-process.ts';
import { it } from '../support/test.ts';

// Too heavy for every run: `npm run faults`. Their figures are in docs/faults.md.
const isAsked = process.env['BUILDKIT_DRAIN_HEAVY_FAULTS'] === '1';
const tcp = 'tcp://127.0.0.1:1234';
const timeout = 180_000;
const quietPeriodMs = 2000;
const quiet = ['--quiet-period', `${quietPeriodMs}ms`];
// As many as this machine lets a process have: to raise the hard limit needs a capability.
const mostFiles = Number(
  /Max open files +\d+ +(\d+)/.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1],
);
const manyFiles = ['prlimit', `--nofile=${mostFiles}`];
const manyClients = Math.min(20_000, mostFiles - 200);
const manyDescriptors = Math.min(50_000, mostFiles - 200);

/** Waits for the ends of all, and returns in how many seconds after the leaving. */
async function drained(waits: readonly Cli[], leave: () => Promise<void>): Promise<string> {
  expect(waits.filter((wait) => wait.process.hasEnded())).toEqual([]);
  const leftMs = performance.now();
  await leave();
  for (const wait of waits) {
    expect(await wait.ended).toMatchObject({ code: 0, outcome: 'drained' });
    expect(performance.now() - leftMs).toBeGreaterThanOrEqual(quietPeriodMs);
  }
  return seconds(performance.now() - leftMs);
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** Leaves others no more of each processor than the kernel keeps back from realtime. */
async function takeProcessors(forSeconds: number): Promise<void> {
  // What ends it has to come before it: among equals nobody gives way.
  const end = ['-f', '60', 'timeout', '--signal=KILL', String(forSeconds)];
  const busy = ['chrt', '-f', '50', 'sh', '-c', 'while :; do :; done'];
  const one = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const child = spawn('chrt', [...end, ...busy], { stdio: 'ignore' });
      child.on('error', reject).on('close', () => resolve());
    });
  await Promise.all([one(), one()]);
}

describe.runIf(isAsked)('a wait', () => {
  it('with 20,000 clients, or as many as may be, that come and leave at once', { timeout }, async ({
    sandbox,
    annotate,
  }) => {
    const clientProcess = await sandbox.start([
      ...manyFiles,
      compiled('many_clients'),
      String(manyClients),
    ]);
    await clientProcess.line(0);
    const wait = await startWait(sandbox, ['--addr', tcp, ...quiet, '--timeout', '2m']);
    await wait.counted(0);
    const startMs = performance.now();
    clientProcess.send('\n');
    await clientProcess.line(1);
    const cameMs = performance.now() - startMs;
    await wait.counted(manyClients);
    const countedMs = performance.now() - startMs;
    await delay(quietPeriodMs + 500);
    const end = await drained([wait], async () => {
      clientProcess.send('\n');
      await clientProcess.line(2);
    });
    await annotate(
      `${manyClients} clients came in ${seconds(cameMs)}, counted after ${seconds(countedMs)}, drained ${end} after they left`,
    );
  });

  it('for a daemon that has 50,000 descriptors, or as many as may be', { timeout }, async ({
    sandbox,
    annotate,
  }) => {
    const open = `for ((i = 0; i < ${manyDescriptors}; i++)); do exec {fd}</dev/null; done; exec "$0" "$@"`;
    const daemon = await startDaemon(sandbox, { through: [...manyFiles, 'bash', '-c', open] });
    await daemon.listen('tcp://127.0.0.1:8372');
    const held = readdirSync(`/proc/${daemon.process.pid}/fd`).length;
    expect(held).toBeGreaterThan(manyDescriptors);
    const clients = await startClients(sandbox);
    const some = await clients.connect('tcp://127.0.0.1:8372');
    const startMs = performance.now();
    const wait = await startWait(sandbox, quiet);
    await wait.counted(1);
    const countedMs = performance.now() - startMs;
    await delay(quietPeriodMs + 500);
    const end = await drained([wait], () => clients.leave(some));
    await annotate(
      `${held} descriptors, first count after ${seconds(countedMs)}, drained ${end} after the client left`,
    );
  });

  it('among a hundred at once', { timeout }, async ({ sandbox, daemon, clients, annotate }) => {
    await daemon.listen(tcp);
    const some = await clients.connect(tcp);
    const startMs = performance.now();
    const each = (): Promise<Cli> => startWait(sandbox, ['--addr', tcp, ...quiet]);
    const waits: Cli[] = [];
    while (waits.length < 100) {
      waits.push(...(await Promise.all(Array.from({ length: 10 }, each))));
    }
    await Promise.all(waits.map((wait) => wait.counted(1)));
    const countedMs = performance.now() - startMs;
    await delay(quietPeriodMs + 500);
    const end = await drained(waits, () => clients.leave(some));
    await annotate(
      `all count after ${seconds(countedMs)}, all drained ${end} after the client left`,
    );
  });

  it('while realtime processes use all processors', { timeout }, async ({
    sandbox,
    daemon,
    clients,
    annotate,
  }) => {
    await daemon.listen(tcp);
    const wait = await startWait(sandbox, ['--addr', tcp, '--quiet-period', '2500ms']);
    await wait.counted(0);
    const taken = takeProcessors(2);
    const some = await clients.connect(tcp);
    await taken;
    await wait.counted(1);
    await delay(3000);
    const end = await drained([wait], () => clients.leave(some));
    const gaps = wait.logs().filter(({ event }) => event === 'sampling-gap').length;
    await annotate(`${gaps} gaps told, drained ${end} after the client left`);
  });

  it('that is stopped for a minute', { timeout }, async ({
    sandbox,
    daemon,
    clients,
    annotate,
  }) => {
    await daemon.listen(tcp);
    const wait = await startWait(sandbox, ['--addr', tcp, '--quiet-period', '10s']);
    await wait.counted(0);
    await delay(1000);
    await wait.process.signal('SIGSTOP');
    await clients.leave(await clients.connect(tcp));
    await delay(60_000);
    const continuedMs = performance.now();
    await wait.process.signal('SIGCONT');
    const { gapMs } = await wait.event('sampling-gap');
    expect(await wait.ended).toMatchObject({ code: 0, outcome: 'drained' });
    const tookMs = performance.now() - continuedMs;
    expect(tookMs).toBeGreaterThanOrEqual(10_000);
    await annotate(`a gap of ${seconds(Number(gapMs))}, drained ${seconds(tookMs)} after it`);
  });
});
