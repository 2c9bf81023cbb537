import { launchWait, runScript } from './children.ts';
import type { Stage } from './context.ts';
import { peakResidentKib } from './proc.ts';
import { figureOf, pairedRatio } from './statistics.ts';

// Of an ended process nobody can tell the memory, so this one tells its own, in KiB.
const tellPeak = `require('fs').writeSync(2, String(process.resourceUsage().maxRSS))`;

/** Measures start-up and memory beside bare Node.js, one after the other in turn. */
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
    nodePeakKib.push(Number((await runScript(stage, tellPeak)).output));
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
