import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { processCpuMs } from '../runner/proc.ts';
import type { Stage } from './context.ts';
import { launchWait, tcpAddr } from './processes.ts';
import { figureOf } from './statistics.ts';
import type { DiscoveryResult } from './types.ts';

const rounds = 5;

// With 10,000 processes, the search for the owners of a listener may take most of a second.
const settleMs = 1500;

const quiet = ['--builds', 'off', '--quiet-period', '24h'];

/** Measures the start of `wait` beside many processes, with `--addr` and without. */
export async function measureDiscovery(stage: Stage): Promise<void> {
  const { plan, send, startStep } = stage;
  if (plan.processes.length === 0) {
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), 'buildkit-drain-bench-'));
  const started: ChildProcess[] = [];
  try {
    const daemon = startDaemon(stage, folder);
    started.push(daemon.child);
    const port = await daemon.port;
    for (const processes of plan.processes) {
      startStep(`starts beside ${processes} more processes`);
      const crowd = startCrowd(stage, processes);
      started.push(...crowd.shells);
      await crowd.complete;
      for (const isGiven of [true, false]) {
        const result = await measureStarts(stage, folder, isGiven ? tcpAddr(port) : null);
        send({ kind: 'discovery', result: { processes, isGiven, ...result } });
      }
      await endAll(crowd.shells);
    }
  } finally {
    await endAll(started);
    rmSync(folder, { recursive: true });
  }
}

/** A process called buildkitd that listens. */
function startDaemon({ node, env }: Stage, folder: string) {
  const called = join(folder, 'buildkitd');
  symlinkSync(node, called);
  const script = `
    const server = require('net').createServer().listen(0, '127.0.0.1');
    server.on('listening', () => console.log(server.address().port));
    process.stdin.resume().on('end', () => process.exit());`;
  const child = start(called, ['-e', script], env);
  return { child, port: firstOutput(child).then(Number) };
}

// A shell takes ever longer for each further process.
const mostEach = 1000;

const sleepers = `exec 3<&0
i=0
while [ $i -lt "$1" ]; do (read line <&3) & i=$((i + 1)); done
echo started
wait`;

/** Processes that sleep. */
function startCrowd({ env }: Stage, processes: number) {
  const shells = Array.from({ length: Math.ceil(processes / mostEach) }, (_, index) => {
    const count = Math.min(mostEach, processes - index * mostEach);
    return start('sh', ['-c', sleepers, 'crowd', String(count)], env);
  });
  return { shells, complete: Promise.all(shells.map(firstOutput)) };
}

/** Starts a process that ends with its standard input, and so with this process. */
function start(program: string, args: readonly string[], env: Stage['env']): ChildProcess {
  const child = spawn(program, args, { env, stdio: ['pipe', 'pipe', 'ignore'] });
  // What was not started has no output, which is noticed.
  return child.on('error', () => {});
}

async function firstOutput({ stdout, spawnfile }: ChildProcess): Promise<string> {
  for await (const output of stdout ?? []) {
    return String(output);
  }
  throw new Error(`${spawnfile} gave no answer: there may be a limit of processes`);
}

async function endAll(children: readonly ChildProcess[]): Promise<void> {
  const running = children.filter((each) => each.exitCode === null && each.signalCode === null);
  const ended = Promise.all(running.map((each) => once(each, 'exit')));
  for (const child of running) {
    child.stdin?.end();
  }
  await ended;
}

async function measureStarts(
  stage: Stage,
  folder: string,
  addr: string | null,
): Promise<Omit<DiscoveryResult, 'processes' | 'isGiven'>> {
  const firstSampleMs: number[] = [];
  const cpuMs: number[] = [];
  const blockedMs: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const wait = await launchWait(stage, quiet, { addr });
    await stage.sleep(settleMs);
    firstSampleMs.push(wait.firstSampleMs - wait.startedMs);
    cpuMs.push(processCpuMs(wait.pid));
    await wait.kill();
    blockedMs.push(await longestBlockedMs(stage, folder, addr));
  }
  return {
    firstSampleMs: figureOf(firstSampleMs),
    cpuMs: figureOf(cpuMs),
    blockedMs: figureOf(blockedMs),
  };
}

// A timer of 1 ms is often that late.
const shortestPauseMs = 2;

/** The longest time after the first sample in which the event loop of `wait` did not turn. */
async function longestBlockedMs(
  stage: Stage,
  folder: string,
  addr: string | null,
): Promise<number> {
  const recorder = join(folder, 'recorder.cjs');
  const pauses = join(folder, 'pauses');
  writeFileSync(pauses, '');
  writeFileSync(recorder, recordPauses(pauses));
  const env = { ...stage.env, NODE_OPTIONS: `--require=${recorder}` };
  const wait = await launchWait({ ...stage, env }, quiet, { addr });
  await stage.sleep(settleMs);
  await wait.kill();
  const lines = readFileSync(pauses, 'utf8').split('\n').slice(0, -1);
  const blockedMs = lines.map((line) => {
    const [fromMs = 0, toMs = 0] = line.split(' ').map(Number);
    return toMs - Math.max(fromMs, wait.firstSampleMs);
  });
  return Math.max(shortestPauseMs, ...blockedMs);
}

/** It costs CPU, so that is measured without it. */
function recordPauses(path: string): string {
  return `
    const { appendFileSync } = require('node:fs');
    const nowMs = () => Number(process.hrtime.bigint()) / 1e6;
    let lastMs = nowMs();
    setInterval(() => {
      const turnMs = nowMs();
      if (turnMs - lastMs > ${shortestPauseMs}) {
        appendFileSync(${JSON.stringify(path)}, lastMs + ' ' + turnMs + '\\n');
      }
      lastMs = turnMs;
    }, 1).unref();`;
}
