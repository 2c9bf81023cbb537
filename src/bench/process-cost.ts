import { type Launched, launchScript, launchWait } from './children.ts';
import type { Stage } from './context.ts';
import { peakResidentKib, processCpuMs } from './proc.ts';
import { pairedRatio } from './statistics.ts';
import type { ProcessResult } from './types.ts';

// What a start costs is measured elsewhere.
const settleMs = 1000;
const slices = 10;

/** Measures the whole process beside an empty timer, for each interval and over the same time. */
export async function measureProcess(stage: Stage): Promise<void> {
  for (const intervalMs of stage.plan.intervalsMs) {
    stage.startStep(`whole process at ${intervalMs} ms, for ${stage.plan.windowMs / 1000} s`);
    const result = await measureInterval(stage, intervalMs);
    stage.send({ kind: 'process', result });
  }
}

async function measureInterval(stage: Stage, intervalMs: number): Promise<ProcessResult> {
  const timer = launchScript(stage, `setInterval(() => {}, ${intervalMs})`);
  try {
    const wait = await launchWait(stage, ['--interval', `${intervalMs}ms`]);
    try {
      await stage.sleep(settleMs);
      return await watch(stage, intervalMs, wait, timer);
    } finally {
      await wait.kill();
    }
  } finally {
    await timer.kill();
  }
}

async function watch(
  { plan, nowMs, sleep }: Stage,
  intervalMs: number,
  wait: Launched,
  timer: Launched,
): Promise<ProcessResult> {
  const fromMs = nowMs();
  const readings = [{ wait: processCpuMs(wait.pid), timer: processCpuMs(timer.pid) }];
  for (let slice = 1; slice <= slices; slice += 1) {
    await sleep(Math.max(0, fromMs + (plan.windowMs * slice) / slices - nowMs()));
    readings.push({ wait: processCpuMs(wait.pid), timer: processCpuMs(timer.pid) });
  }
  const windowMs = nowMs() - fromMs;
  const waitCpuMs = steps(readings.map((each) => each.wait));
  const timerCpuMs = steps(readings.map((each) => each.timer));
  return {
    intervalMs,
    windowMs: Math.round(windowMs),
    waitCpuPercent: (sum(waitCpuMs) / windowMs) * 100,
    timerCpuPercent: (sum(timerCpuMs) / windowMs) * 100,
    ratio: pairedRatio([sum(waitCpuMs)], [sum(timerCpuMs)])?.median ?? null,
    sliceRatio: pairedRatio(waitCpuMs, timerCpuMs),
    waitPeakKib: peakResidentKib(wait.pid),
    timerPeakKib: peakResidentKib(timer.pid),
  };
}

/** The differences between each value and the one before. */
function steps(values: readonly number[]): number[] {
  return values.slice(1).map((value, index) => value - (values[index] ?? 0));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, each) => total + each, 0);
}
