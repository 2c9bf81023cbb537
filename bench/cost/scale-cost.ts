import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { peakResidentKib, proportionalKib } from '../runner/proc.ts';
import { orRemark, type Stage } from './context.ts';
import { startTraffic } from './holders.ts';
import { launchInNamespace, type NamespaceWait } from './namespace-waits.ts';
import { ratiosOf, sum, watchCpu } from './process-cost.ts';
import { type Launched, launchScript, launchWait, listenUnused } from './processes.ts';
import { caseText, type ScaleCase } from './scale-cases.ts';
import { openUnixClients } from './sockets.ts';
import { referenceClients, type ScaleResult } from './types.ts';

const intervalMs = 100;

// Whole periods of the clients' traffic, 5 s, and of the dumps of the tracked set.
const longestWindowMs = 20_000;

// The start is measured separately, and its code is compiled in the first polls.
const settleMs = 5000;

const waitArgs = ['--interval', `${intervalMs}ms`, '--quiet-period', '24h', '--builds', 'off'];

/** Waits of one kind, with so many clients each. */
interface Measured {
  readonly clients: number;
  readonly waits: readonly Launched[];
}

type AtEnd = (end: () => unknown) => void;

/** Makes a case, and starts its waits. What is to be undone is handed to `atEnd`. */
type Start = (stage: Stage, count: number, atEnd: AtEnd) => Promise<readonly Measured[]>;

/** Measures the whole process beside an empty timer in each case of many sockets or processes. */
export async function measureScale(stage: Stage): Promise<void> {
  const windowMs = Math.min(stage.plan.windowMs, longestWindowMs);
  for (const scaleCase of stage.plan.scale) {
    const what = caseText(scaleCase);
    stage.startStep(`whole process: ${what}, for ${windowMs / 1000} s`);
    await orRemark(stage, what, () => measureCase(stage, scaleCase, windowMs));
  }
}

const starts: Readonly<Record<ScaleCase['kind'], Start>> = {
  clients: (stage, count, atEnd) => startHeld(stage, count, true, atEnd),
  silent: (stage, count, atEnd) => startHeld(stage, count, false, atEnd),
  unix: startAtUnixSocket,
  unrelated: startAmongUnrelated,
  waits: startInNamespaces,
};

async function measureCase(
  stage: Stage,
  { kind, count }: ScaleCase,
  windowMs: number,
): Promise<void> {
  const ends: (() => unknown)[] = [];
  try {
    await stage.sockets.setPairs(0);
    await stage.sockets.setClients(0);
    const measured = await starts[kind](stage, count, (end) => ends.push(end));
    const timers = measured[0]?.waits.map(() => {
      const timer = launchScript(stage, `setInterval(() => {}, ${intervalMs})`);
      ends.push(timer.kill);
      return timer;
    });
    await stage.sleep(settleMs);
    for (const result of await resultsOf(stage, measured, timers ?? [], windowMs)) {
      stage.send({ kind: 'scale', result: { kind, count, ...result } });
    }
  } finally {
    await Promise.all(ends.map((end) => end()));
  }
}

/** All processes are measured in the same window. */
async function resultsOf(
  stage: Stage,
  measured: readonly Measured[],
  timers: readonly Launched[],
  windowMs: number,
): Promise<Omit<ScaleResult, 'kind' | 'count'>[]> {
  const processes = [...timers, ...measured.flatMap(({ waits }) => waits)];
  const readings = await watchCpu(stage, processes, windowMs);
  const cpuMsOf = (group: readonly Launched[]): number =>
    sum(group.map((each) => sum(readings.cpuMs[processes.indexOf(each)] ?? [])));
  const percentOf = (group: readonly Launched[]): number =>
    (cpuMsOf(group) / readings.windowMs) * 100;
  return measured.map(({ clients, waits }) => ({
    ...{ clients, intervalMs, windowMs: Math.round(readings.windowMs) },
    waitCpuPercent: percentOf(waits),
    timerCpuPercent: percentOf(timers),
    ratio: ratiosOf([cpuMsOf(waits)], [cpuMsOf(timers)]).ratio,
    waitMemoryKib: memoryKib(waits),
    timerMemoryKib: memoryKib(timers),
  }));
}

/** Many processes share pages, which must not be counted more than once. */
function memoryKib(group: readonly Launched[]): number {
  return group.length === 1
    ? sum(group.map(({ pid }) => peakResidentKib(pid)))
    : Math.round(sum(group.map(({ pid }) => proportionalKib(pid))));
}

async function startHeld(
  stage: Stage,
  clients: number,
  hasTraffic: boolean,
  atEnd: AtEnd,
): Promise<Measured[]> {
  await stage.sockets.setClients(clients, { hasTraffic });
  const wait = await launchWait(stage, waitArgs);
  atEnd(wait.kill);
  return [{ clients, waits: [wait] }];
}

async function startAtUnixSocket(stage: Stage, clients: number, atEnd: AtEnd): Promise<Measured[]> {
  const folder = mkdtempSync(join(tmpdir(), 'buildkit-drain-bench-'));
  atEnd(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'buildkitd.sock');
  atEnd((await openUnixClients(stage, path, clients)).close);
  const wait = await launchWait(stage, waitArgs, { addr: `unix://${path}` });
  atEnd(wait.kill);
  return [{ clients, waits: [wait] }];
}

/** A wait that is held, and one in its quiet period. */
async function startAmongUnrelated(stage: Stage, count: number, atEnd: AtEnd): Promise<Measured[]> {
  await stage.sockets.setPairs(Math.ceil(count / 2));
  await stage.sockets.setClients(referenceClients, { hasTraffic: true });
  const held = await launchWait(stage, waitArgs);
  atEnd(held.kill);
  const unused = await listenUnused();
  atEnd(unused.close);
  const quiet = await launchWait(stage, waitArgs, { addr: unused.addr });
  atEnd(quiet.kill);
  return [
    { clients: referenceClients, waits: [held] },
    { clients: 0, waits: [quiet] },
  ];
}

async function startInNamespaces(stage: Stage, count: number, atEnd: AtEnd): Promise<Measured[]> {
  const waits: NamespaceWait[] = [];
  while (waits.length < count) {
    const wait = await launchInNamespace(stage, waitArgs);
    atEnd(wait.kill);
    waits.push(wait);
  }
  const traffic = startTraffic(
    waits.map(({ client }) => client),
    stage.nowMs,
  );
  atEnd(() => clearInterval(traffic));
  return [{ clients: 1, waits }];
}
