import { setTimeout as delay } from 'node:timers/promises';
import { tcpSocketsInUse } from '../runner/proc.ts';
import { errorText, runStage } from '../runner/stage.ts';
import { orRemark, type Stage } from './context.ts';
import { measureCounters } from './counter-cost.ts';
import { measureDiscovery } from './discovery-cost.ts';
import { measureLeftOut } from './left-out-cost.ts';
import { measurePolls } from './polls.ts';
import { measureProcess } from './process-cost.ts';
import { measureScale } from './scale-cost.ts';
import { openSockets } from './sockets.ts';
import { measureExits, measureStartUp } from './start-and-exit.ts';
import { type CostPlan, type CostStageInput, referenceClients } from './types.ts';

/** Opens the sockets and measures, until it is done or asked to stop. */
export async function runCostStage(input: CostStageInput): Promise<void> {
  await runStage(input.signal, () => measureAll(input));
}

async function measureAll(input: CostStageInput): Promise<void> {
  const { signal, send } = input;
  send({ kind: 'network', tcpSocketsBefore: tcpSocketsInUse() });
  const env = { PATH: input.searchPath };
  const sockets = await openSockets({ ...input, env });
  try {
    const stage = { ...input, sockets, env, ...progress(input), sleep: sleeping(signal) };
    await measurePolls(stage);
    await sockets.setClients(referenceClients);
    await orRemark(stage, 'counting from Node.js', () => measureCounters(stage));
    await orRemark(stage, 'start-up', () => measureStartUp(stage));
    await orRemark(stage, 'time to the exit', () => measureExits(stage));
    await orRemark(stage, 'whole process', () => measureProcess(stage));
    await orRemark(stage, 'left-out connections', () => measureLeftOut(stage));
    await orRemark(stage, 'discovery', () => measureDiscovery(stage));
    await measureScale(stage);
    send({ kind: 'end' });
  } finally {
    await sockets.close();
  }
}

function progress({ plan, send }: CostStageInput): Pick<Stage, 'startStep' | 'remark'> {
  const steps = stepsOf(plan);
  let step = 0;
  return {
    startStep(text) {
      step += 1;
      send({ kind: 'progress', step, steps, text });
    },
    remark(what, why) {
      send({ kind: 'remark', remark: { what, why: errorText(why) } });
    },
  };
}

function stepsOf({
  pairs,
  clients,
  counts,
  starts,
  exits,
  intervalsMs,
  leftOut,
  processes,
  scale,
}: CostPlan): number {
  const single = [counts, starts, exits].filter((count) => count > 0).length;
  const lists = [intervalsMs, leftOut, processes, scale];
  return pairs.length * clients.length + single + lists.flat().length;
}

function sleeping(signal: AbortSignal): (durationMs: number) => Promise<void> {
  return (durationMs) => delay(durationMs, undefined, { signal });
}
