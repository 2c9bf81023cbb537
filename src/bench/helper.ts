// The program of the processes that the benchmark starts: the stage, which measures, and the
// holders of its sockets. Beside src/cli.ts this is the only file that speaks with its process.
import { createHolder, type HolderCommand, holderRoles } from './holders.ts';
import { runStage } from './stage.ts';
import type { CostPlan, StageMessage } from './types.ts';

const [role = '', plan = '', program = ''] = process.argv.slice(2);
const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6;

async function beStage(): Promise<void> {
  const stop = new AbortController();
  // The command tells it to stop, with the only message that it ever sends, or is gone.
  process.once('message', () => stop.abort('stopped'));
  process.once('disconnect', () => stop.abort('stopped'));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => stop.abort(signal));
  }
  const cpuUs = (): number => {
    const { user, system } = process.cpuUsage();
    return user + system;
  };
  let sent: Promise<void> = Promise.resolve();
  await runStage({
    plan: JSON.parse(plan) as CostPlan,
    node: process.execPath,
    helper: process.argv[1] ?? '',
    program,
    searchPath: process.env['PATH'] ?? '',
    signal: stop.signal,
    cpuUs,
    nowMs,
    send: (message: StageMessage) => {
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

function beHolder(holderRole: (typeof holderRoles)[number]): void {
  process.once('disconnect', () => process.exit());
  const obey = createHolder(holderRole, nowMs);
  process.on('message', async ({ id, command }: { id: number; command: HolderCommand }) => {
    const answer = await obey(command).then(
      (value) => ({ id, value }),
      (error: Error) => ({ id, error: error.message }),
    );
    process.send?.(answer, () => {});
  });
}

const holderRole = holderRoles.find((each) => each === role);
if (holderRole === undefined) {
  void beStage();
} else {
  beHolder(holderRole);
}
