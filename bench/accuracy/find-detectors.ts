import { runShell } from '../shell.ts';
import { openCast } from './cast.ts';
import type { AccuracyStageInput } from './context.ts';
import { canKeepUp, type TimedDetector } from './sessions.ts';
import type { SourceContext, WatchMeans } from './sources.ts';
import type { Transport } from './types.ts';
import { meansOf } from './watching.ts';

type Finding = AccuracyStageInput & { readonly env: Readonly<Record<string, string>> };

const looksToTime = 5;

/** Those detectors that can be had here. What can't is told. */
export async function findDetectors(input: Finding): Promise<TimedDetector[]> {
  const cast = await openCast(input);
  const found: TimedDetector[] = [];
  try {
    if (!cast.hasIpv6) {
      const why = 'there is none here: they are made over IPv4';
      input.send({ kind: 'remark', remark: { what: 'connections over IPv6', why } });
    }
    for (const name of input.plan.means) {
      for (const transport of meansOf(name).transports) {
        found.push(...(await tryMeans(meansOf(name), transport, input, cast.target)));
      }
    }
  } finally {
    await cast.close();
  }
  return found;
}

async function tryMeans(
  means: WatchMeans,
  transport: Transport,
  input: Finding,
  target: { readonly port: number; readonly path: string },
): Promise<TimedDetector[]> {
  const { plan, send, env, signal } = input;
  const remark = (what: string, why: string): void =>
    send({ kind: 'remark', remark: { what, why } });
  try {
    if (means.program !== null && (await runShell(`command -v ${means.program}`, input)) === '') {
      throw new Error('not installed');
    }
    const lookMs = await timeLooks(means, transport, { target, env, signal }, input.nowMs);
    const detectors = plan.intervalsMs.map((intervalMs) => ({
      ...{ means: means.name, transport, intervalMs, lookMs },
    }));
    for (const { intervalMs } of detectors.filter((each) => !canKeepUp(each))) {
      remark(
        `${means.title} (${transport}) every ${intervalMs} ms`,
        `one look alone takes ${lookMs.toFixed(1)} ms`,
      );
    }
    return detectors.filter(canKeepUp);
  } catch (error) {
    signal.throwIfAborted();
    remark(`${means.title} (${transport})`, error instanceof Error ? error.message : String(error));
    return [];
  }
}

/** The median time of a look. */
async function timeLooks(
  means: WatchMeans,
  transport: Transport,
  context: SourceContext,
  nowMs: () => number,
): Promise<number> {
  const source = means.open(transport, context);
  try {
    const tookMs: number[] = [];
    for (let poll = 0; poll < looksToTime; poll += 1) {
      const fromMs = nowMs();
      await source.poll();
      tookMs.push(nowMs() - fromMs);
    }
    return tookMs.toSorted((one, other) => one - other)[Math.floor(looksToTime / 2)] ?? 0;
  } finally {
    source.close();
  }
}
