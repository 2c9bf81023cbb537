// The program of the processes that the benchmarks start: the stages, which measure, and the helper
// processes that they control. Besides src/cli.ts only this file uses `process`.
import { createLoad } from './accuracy/load.ts';
import { createAccuracyServer } from './accuracy/server.ts';
import { runAccuracyStage } from './accuracy/stage.ts';
import { createWatcher } from './accuracy/watcher.ts';
import { createBackground } from './accuracy/workload-processes.ts';
import { createCounter } from './cost/counters.ts';
import { createHolder } from './cost/holders.ts';
import { openAndGive } from './cost/namespace-sockets.ts';
import { runCostStage } from './cost/stage.ts';
import type { HelperAnswer } from './runner/helper-process.ts';
import { endedChildrenCpuMs } from './runner/proc.ts';
import type { StageInput } from './runner/stage.ts';

type RunStage = (input: StageInput<never, object>) => Promise<void>;
type Execute = (command: never) => Promise<unknown>;

const [role = '', plan = '', program = '', node = ''] = process.argv.slice(2);
const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6;
const cpuUs = (): number => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

const stages: Readonly<Record<string, RunStage>> = {
  'cost-stage': runCostStage,
  'accuracy-stage': runAccuracyStage,
};

const helpers: Readonly<Record<string, () => Execute>> = {
  daemon: () => createHolder('daemon', nowMs),
  clients: () => createHolder('clients', nowMs),
  pairs: () => createHolder('pairs', nowMs),
  counter: () => createCounter({ nowMs, cpuUs, childrenCpuMs: endedChildrenCpuMs }),
  'accuracy-server': () => createAccuracyServer(nowMs),
  'accuracy-load': () => createLoad(nowMs),
  'accuracy-background': createBackground,
  'accuracy-watcher': () => createWatcher({ nowMs, cpuUs, childrenCpuMs: endedChildrenCpuMs }),
};

async function beStage(run: RunStage): Promise<void> {
  const stop = new AbortController();
  // The command sends a single message, which asks the stage to stop; so does its end.
  process.once('message', () => stop.abort('stopped'));
  process.once('disconnect', () => stop.abort('stopped'));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => stop.abort(signal));
  }
  let sent: Promise<void> = Promise.resolve();
  await run({
    ...{ plan: JSON.parse(plan) as never, node, program, cpuUs, nowMs },
    helper: process.argv[1] ?? '',
    searchPath: process.env['PATH'] ?? '',
    signal: stop.signal,
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

function beHelper(execute: Execute): void {
  process.once('disconnect', () => process.exit());
  process.on('message', async ({ id, command }: { id: number; command: never }) => {
    const answer: HelperAnswer = await execute(command).then(
      (value) => ({ id, value }),
      (error: Error) => ({ id, error: error.message }),
    );
    process.send?.(answer, () => {});
  });
}

async function giveSockets(): Promise<void> {
  await openAndGive(
    (name, socket) =>
      new Promise((resolve) => {
        process.send?.(name, socket, {}, () => resolve());
      }),
  );
  process.exit();
}

const stage = stages[role];
const helper = helpers[role];
if (stage !== undefined) {
  void beStage(stage);
} else if (helper !== undefined) {
  beHelper(helper());
} else if (role === 'namespace-sockets') {
  void giveSockets();
}
