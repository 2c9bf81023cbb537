// The program of the processes that the benchmarks start: the stages, which measure, and those that
// they control. Besides src/cli.ts only this file uses `process`.

import { createLoad } from './accuracy/load.ts';
import { createAccuracyServer } from './accuracy/server.ts';
import { runAccuracyStage } from './accuracy/stage.ts';
import type { AccuracyPlan } from './accuracy/types.ts';
import { createWatching } from './accuracy/watcher.ts';
import { createBackground } from './accuracy/workload-processes.ts';
import { createHolder } from './cost/sockets.ts';
import { runStage } from './cost/stage.ts';
import type { CostPlan } from './cost/types.ts';
import type { HelperAnswer } from './runner/helper-process.ts';
import { endedChildrenCpuMs } from './runner/proc.ts';

const [role = '', plan = '', program = '', node = ''] = process.argv.slice(2);
const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6;
const cpuUs = (): number => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

const stages: Readonly<Record<string, (base: StageBase) => Promise<void>>> = {
  stage: (base) => runStage({ ...base, plan: JSON.parse(plan) as CostPlan, program, cpuUs }),
  'accuracy-stage': (base) => runAccuracyStage({ ...base, plan: JSON.parse(plan) as AccuracyPlan }),
};

type Obey = (command: never) => Promise<unknown>;

const obedient: Readonly<Record<string, () => Obey>> = {
  daemon: () => createHolder('daemon', nowMs),
  clients: () => createHolder('clients', nowMs),
  pairs: () => createHolder('pairs', nowMs),
  'accuracy-server': () => createAccuracyServer(nowMs),
  'accuracy-load': () => createLoad(nowMs),
  'accuracy-background': createBackground,
  'accuracy-watcher': () => createWatching({ nowMs, cpuUs, childrenCpuMs: endedChildrenCpuMs }),
};

interface StageBase {
  readonly node: string;
  readonly helper: string;
  readonly searchPath: string;
  readonly signal: AbortSignal;
  readonly nowMs: () => number;
  readonly send: (message: object) => void;
}

async function beStage(run: (base: StageBase) => Promise<void>): Promise<void> {
  const stop = new AbortController();
  // The command asks it to stop, with the only message that it ever sends, or is gone.
  process.once('message', () => stop.abort('stopped'));
  process.once('disconnect', () => stop.abort('stopped'));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => stop.abort(signal));
  }
  let sent: Promise<void> = Promise.resolve();
  await run({
    node,
    helper: process.argv[1] ?? '',
    searchPath: process.env['PATH'] ?? '',
    signal: stop.signal,
    nowMs,
    send: (message) => {
      sent = new Promise((resolve) => {
        if (process.connected) {
          process.send?.(message, () => resolve());
        } else {
          resolve();
        }
      });
    },
  });
  await sent;
  if (process.connected) {
    process.disconnect();
  }
}

function beHelper(obey: Obey): void {
  process.once('disconnect', () => process.exit());
  process.on('message', async ({ id, command }: { id: number; command: never }) => {
    const answer: HelperAnswer = await obey(command).then(
      (value) => ({ id, value }),
      (error: Error) => ({ id, error: error.message }),
    );
    process.send?.(answer, () => {});
  });
}

const stage = stages[role];
const createObey = obedient[role];
if (stage !== undefined) {
  void beStage(stage);
} else if (createObey !== undefined) {
  beHelper(createObey());
}
