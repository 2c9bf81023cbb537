import { runShell } from '../runner/shell.ts';
import { errorText } from '../runner/stage.ts';
import type { SourceContext, WatchMethod } from './sources.ts';
import type { AccuracyStageInput, Detector, Transport } from './types.ts';
import { methodOf } from './watcher.ts';
import { startWorkload } from './workload-processes.ts';

type Finding = AccuracyStageInput & { readonly env: Readonly<Record<string, string>> };

const pollsToTime = 5;

/** The detectors that work here. A remark names the others. */
export async function findDetectors(input: Finding): Promise<TimedDetector[]> {
  const workload = await startWorkload(input);
  const found: TimedDetector[] = [];
  try {
    if (!workload.hasIpv6) {
      const why = 'not available: IPv4 is used instead';
      input.send({ kind: 'remark', remark: { what: 'connections over IPv6', why } });
    }
    for (const name of input.plan.methods) {
      for (const transport of methodOf(name).transports) {
        found.push(...(await tryMethod(methodOf(name), transport, input, workload.target)));
      }
    }
  } finally {
    await workload.close();
  }
  return found;
}

async function tryMethod(
  method: WatchMethod,
  transport: Transport,
  input: Finding,
  target: { readonly port: number; readonly path: string },
): Promise<TimedDetector[]> {
  const { plan, send, env, signal } = input;
  const remark = (what: string, why: string): void =>
    send({ kind: 'remark', remark: { what, why } });
  try {
    if (method.program !== null && (await runShell(`command -v ${method.program}`, input)) === '') {
      throw new Error('not installed');
    }
    const pollMs = await timePolls(method, transport, { target, env, signal }, input.nowMs);
    const detectors = plan.intervalsMs.map((intervalMs) => ({
      ...{ method: method.name, transport, intervalMs, pollMs },
    }));
    for (const { intervalMs } of detectors.filter((each) => !canKeepUp(each))) {
      remark(
        `${method.title} (${transport}) every ${intervalMs} ms`,
        `one poll takes ${pollMs.toFixed(1)} ms`,
      );
    }
    return detectors.filter(canKeepUp);
  } catch (error) {
    signal.throwIfAborted();
    remark(`${method.title} (${transport})`, errorText(error));
    return [];
  }
}

/** The median time of a poll. */
async function timePolls(
  method: WatchMethod,
  transport: Transport,
  context: SourceContext,
  nowMs: () => number,
): Promise<number> {
  const source = method.open(transport, context);
  try {
    const tookMs: number[] = [];
    for (let poll = 0; poll < pollsToTime; poll += 1) {
      const fromMs = nowMs();
      await source.poll();
      tookMs.push(nowMs() - fromMs);
    }
    return tookMs.toSorted((one, other) => one - other)[Math.floor(pollsToTime / 2)] ?? 0;
  } finally {
    source.close();
  }
}

/** A detector, and the time that one of its polls takes on this node. */
export interface TimedDetector extends Detector {
  readonly pollMs: number;
}

// The CPU time that a process of Node.js needs to wake up for a poll.
const wakeMs = 0.06;
// The share of a core that the workload processes use.
const workloadShare = 0.25;
// More would delay the polls that are to be measured.
const usableShare = 0.5;

/** Whether the detector can poll at its interval. */
export function canKeepUp({ pollMs, intervalMs }: TimedDetector): boolean {
  return pollMs <= intervalMs;
}

/**
 * Divides detectors into sessions that keep the processors at most half busy. Each session has the
 * same connections.
 */
export function divide(detectors: readonly TimedDetector[], cpus: number): TimedDetector[][] {
  const room = cpus * usableShare - workloadShare;
  const sessions: { free: number; detectors: TimedDetector[] }[] = [];
  for (const detector of detectors) {
    const share = shareOf(detector);
    const fitting = sessions.find(({ free }) => share <= free);
    if (fitting === undefined) {
      sessions.push({ free: room - share, detectors: [detector] });
    } else {
      fitting.free -= share;
      fitting.detectors.push(detector);
    }
  }
  return sessions.map((session) => session.detectors);
}

/** The share of a core that it uses. */
function shareOf({ pollMs, intervalMs }: TimedDetector): number {
  const busyMs = pollMs + wakeMs;
  return busyMs / (busyMs + intervalMs);
}
