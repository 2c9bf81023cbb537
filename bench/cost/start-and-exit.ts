import { peakResidentKib } from '../runner/proc.ts';
import type { Stage } from './context.ts';
import { launchWait, runScript } from './processes.ts';
import { figureOf, pairedRatio } from './statistics.ts';
import { referenceClients } from './types.ts';

// The memory of an ended process cannot be read, so the script prints its own, in KiB.
const printPeakKib = `require('fs').writeSync(2, String(process.resourceUsage().maxRSS))`;

/** Measures start-up and memory, alternating with bare Node.js. */
export async function measureStartUp(stage: Stage): Promise<void> {
  const { plan, send, startStep } = stage;
  if (plan.starts === 0) {
    return;
  }
  startStep(`start-up, ${plan.starts} times`);
  const nodeMs: number[] = [];
  const nodePeakKib: number[] = [];
  const waitMs: number[] = [];
  const waitPeakKib: number[] = [];
  for (let start = 0; start < plan.starts; start += 1) {
    nodeMs.push((await runScript(stage, '0')).tookMs);
    const wait = await launchWait(stage, []);
    waitMs.push(wait.firstSampleMs - wait.startedMs);
    waitPeakKib.push(peakResidentKib(wait.pid));
    await wait.kill();
    nodePeakKib.push(Number((await runScript(stage, printPeakKib)).output));
  }
  send({
    kind: 'start-up',
    result: {
      waitMs: figureOf(waitMs),
      nodeMs: figureOf(nodeMs),
      timeRatio: pairedRatio(waitMs, nodeMs),
      waitPeakKib: figureOf(waitPeakKib),
      nodePeakKib: figureOf(nodePeakKib),
      memoryRatio: pairedRatio(waitPeakKib, nodePeakKib),
    },
  });
}

const intervalMs = 100;
const quietPeriodMs = 1000;

/** Measures the time from the last client's close to the end of `wait`, minus the quiet period. */
export async function measureExits(stage: Stage): Promise<void> {
  const { plan, sockets, send, startStep } = stage;
  if (plan.exits === 0) {
    return;
  }
  startStep(`time to the exit, ${plan.exits} times`);
  const beyondMs: number[] = [];
  for (let run = 0; run < plan.exits; run += 1) {
    await sockets.setClients(referenceClients);
    // Each run closes at a different point of the interval.
    beyondMs.push(await measureExit(stage, (run / plan.exits) * intervalMs));
  }
  await sockets.setClients(referenceClients);
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
    const closedMs = await stage.sockets.setClients(0, { ending: 'close' });
    return (await wait.ended) - closedMs - quietPeriodMs;
  } finally {
    await wait.kill();
  }
}
