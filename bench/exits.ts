import { launchWait } from './children.ts';
import type { Stage } from './context.ts';
import { figureOf } from './statistics.ts';
import { referenceClients } from './types.ts';

const intervalMs = 100;
const quietPeriodMs = 1000;

/** Measures how long after the last client's close, and the quiet period, the wait is over. */
export async function measureExits(stage: Stage): Promise<void> {
  const { plan, crew, send, startStep } = stage;
  if (plan.exits === 0) {
    return;
  }
  startStep(`time to the exit, ${plan.exits} times`);
  const beyondMs: number[] = [];
  for (let run = 0; run < plan.exits; run += 1) {
    await crew.setClients(referenceClients);
    // The close comes at another point of the interval each time.
    beyondMs.push(await measureExit(stage, (run / plan.exits) * intervalMs));
  }
  await crew.setClients(referenceClients);
  const mostMs = Math.max(...beyondMs);
  send({
    kind: 'exit',
    result: { intervalMs, quietPeriodMs, beyondMs: figureOf(beyondMs), mostMs },
  });
}

async function measureExit(stage: Stage, phaseMs: number): Promise<number> {
  const times = ['--interval', `${intervalMs}ms`, '--quiet-period', `${quietPeriodMs}ms`];
  const wait = await launchWait(stage, [...times, '--timeout', '1m']);
  try {
    await stage.sleep(2 * intervalMs + phaseMs);
    const closedMs = await stage.crew.setClients(0, 'close');
    return (await wait.ended) - closedMs - quietPeriodMs;
  } finally {
    await wait.kill();
  }
}
