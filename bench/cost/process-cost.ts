import { peakResidentKib, processCpuMs } from '../runner/proc.ts';
import type { Stage } from './context.ts';
import { type Launched, launchScript, launchWait, listenUnused } from './processes.ts';
import { pairedRatio } from './statistics.ts';
import { type ProcessResult, referenceClients } from './types.ts';

// The start is measured separately.
const settleMs = 1000;

// While clients hold the wait it polls once a second: most of the shorter slices would have no poll.
const shortestSliceMs = 1000;
const mostSlices = 10;

// Longer than any run: `wait` must not end by itself.
const longQuiet = '24h';

/**
 * Measures the whole process and an empty timer side by side at each interval: once with clients, and
 * once without, during the quiet period.
 */
export async function measureProcess(stage: Stage): Promise<void> {
  for (const intervalMs of stage.plan.intervalsMs) {
    stage.startStep(`whole process at ${intervalMs} ms, for ${stage.plan.windowMs / 1000} s`);
    for (const result of await measureInterval(stage, intervalMs)) {
      stage.send({ kind: 'process', result });
    }
  }
}

async function measureInterval(stage: Stage, intervalMs: number): Promise<ProcessResult[]> {
  const unused = await listenUnused();
  const launched: Launched[] = [];
  const keep = <Kind extends Launched>(each: Kind): Kind => {
    launched.push(each);
    return each;
  };
  try {
    const timer = keep(launchScript(stage, `setInterval(() => {}, ${intervalMs})`));
    const args = ['--interval', `${intervalMs}ms`, '--quiet-period', longQuiet];
    const busy = keep(await launchWait(stage, args));
    const quiet = keep(await launchWait(stage, args, { addr: unused.addr }));
    await stage.sleep(settleMs);
    const readings = await watchCpu(stage, [busy, quiet, timer]);
    const [ofBusy, ofQuiet, ofTimer] = readings.cpuMs as [number[], number[], number[]];
    const result = (clients: number, wait: Launched, cpuMs: readonly number[]): ProcessResult => ({
      intervalMs,
      clients,
      windowMs: Math.round(readings.windowMs),
      waitCpuPercent: (sum(cpuMs) / readings.windowMs) * 100,
      timerCpuPercent: (sum(ofTimer) / readings.windowMs) * 100,
      ...ratiosOf(cpuMs, ofTimer),
      waitPeakKib: peakResidentKib(wait.pid),
      timerPeakKib: peakResidentKib(timer.pid),
    });
    return [result(referenceClients, busy, ofBusy), result(0, quiet, ofQuiet)];
  } finally {
    await Promise.all(launched.map((each) => each.kill()));
    unused.close();
  }
}

/** The CPU of a process as a multiple of that of another, of a window and of its slices. */
export function ratiosOf(
  cpuMs: readonly number[],
  ofTimerMs: readonly number[],
): Pick<ProcessResult, 'ratio' | 'sliceRatio'> {
  return {
    ratio: pairedRatio([sum(cpuMs)], [sum(ofTimerMs)])?.median ?? null,
    sliceRatio: pairedRatio(cpuMs, ofTimerMs),
  };
}

/** The CPU that each process uses in each slice of one window. */
export async function watchCpu(
  { plan, nowMs, sleep }: Stage,
  processes: readonly Launched[],
  windowMs = plan.windowMs,
): Promise<{ readonly windowMs: number; readonly cpuMs: readonly number[][] }> {
  const slices = Math.max(1, Math.min(mostSlices, Math.floor(windowMs / shortestSliceMs)));
  const fromMs = nowMs();
  const readings = [processes.map(({ pid }) => processCpuMs(pid))];
  for (let slice = 1; slice <= slices; slice += 1) {
    await sleep(Math.max(0, fromMs + (windowMs * slice) / slices - nowMs()));
    readings.push(processes.map(({ pid }) => processCpuMs(pid)));
  }
  const cpuMs = processes.map((_, index) => steps(readings.map((each) => each[index] ?? 0)));
  return { windowMs: nowMs() - fromMs, cpuMs };
}

/** The differences between consecutive values. */
function steps(values: readonly number[]): number[] {
  return values.slice(1).map((value, index) => value - (values[index] ?? 0));
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, each) => total + each, 0);
}
