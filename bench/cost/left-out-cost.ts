import type { Stage } from './context.ts';
import { ratiosOf, watchCpu } from './process-cost.ts';
import { launchScript, launchWait } from './processes.ts';
import { referenceClients } from './types.ts';

const intervalMs = 100;

// No shorter silence lets a connection be left out.
const silence = '45s';
const settleMs = 47_000;

/** Measures a quiet wait beside connections that it does not count, and an empty timer. */
export async function measureLeftOut(stage: Stage): Promise<void> {
  const { plan, sockets, send, startStep, sleep } = stage;
  for (const connections of plan.leftOut) {
    startStep(`${connections} connections that are not counted, for ${plan.windowMs / 1000} s`);
    await sockets.setClients(connections);
    const timer = launchScript(stage, `setInterval(() => {}, ${intervalMs})`);
    const args = ['--interval', `${intervalMs}ms`, '--quiet-period', '24h'];
    const notCounted = ['--builds', 'off', '--ignore-silent', silence];
    const wait = await launchWait(stage, [...args, ...notCounted]);
    try {
      await sleep(settleMs);
      const { cpuMs } = await watchCpu(stage, [wait, timer]);
      const [ofWait = [], ofTimer = []] = cpuMs;
      send({ kind: 'left-out', result: { connections, intervalMs, ...ratiosOf(ofWait, ofTimer) } });
    } finally {
      await Promise.all([wait.kill(), timer.kill()]);
      await sockets.setClients(referenceClients);
    }
  }
}
