import { readlinkSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { machineMs } from '../../test/support/machine-time.ts';
import { run } from '../../test/support/running.ts';
import type { SandboxProcess } from '../../test/support/sandbox.ts';
import type { Subject } from './judge.ts';
import type { Fault } from './plan.ts';

/** Injects a fault into a process of the tool, for the fault's time, and notes it down. */
export async function inject(
  subject: Subject,
  process: SandboxProcess,
  { kind, lifeMs }: Fault,
  refusal: string,
): Promise<void> {
  const span = { kind, fromMs: machineMs(), toMs: Infinity };
  subject.faults.push(span);
  const begun = await begin(kind, process, refusal);
  await delay(lifeMs);
  if (begun && !process.hasEnded()) {
    await finish(kind, process, refusal);
  }
  span.toMs = machineMs();
}

/** Returns whether there was still a process to do it to. */
async function begin(
  kind: Fault['kind'],
  process: SandboxProcess,
  refusal: string,
): Promise<boolean> {
  if (process.hasEnded()) {
    return false;
  }
  switch (kind) {
    case 'stop':
      return trySignal(process.pid, 'SIGSTOP');
    case 'refuse':
      writeFileSync(refusal, '');
      return true;
    case 'mask-proc':
      return inMountsOf(process, 'mount', '-t', 'tmpfs', 'none', '/proc');
    case 'no-descriptors':
      return withLimit(process, '3');
  }
}

async function finish(
  kind: Fault['kind'],
  process: SandboxProcess,
  refusal: string,
): Promise<void> {
  switch (kind) {
    case 'stop':
      trySignal(process.pid, 'SIGCONT');
      // nsenter stops with its child.
      trySignal(process.parentPid, 'SIGCONT');
      break;
    case 'refuse':
      await run(['rm', '-f', refusal]).ended;
      break;
    case 'mask-proc':
      await inMountsOf(process, 'umount', '/proc');
      break;
    case 'no-descriptors':
      await withLimit(process, '1024');
  }
}

export function trySignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

async function inMountsOf(
  { pid, parentPid }: SandboxProcess,
  ...command: string[]
): Promise<boolean> {
  // Before it has mounts of its own, they are those of all.
  const [own, others] = [pid, parentPid].map((each) => mountsOf(each));
  return own !== null && own !== others && (await isDoneIn(pid, command));
}

function mountsOf(pid: number): string | null {
  try {
    return readlinkSync(`/proc/${pid}/ns/mnt`);
  } catch {
    return null;
  }
}

async function isDoneIn(pid: number, command: readonly string[]): Promise<boolean> {
  return (await run(['nsenter', `--target=${pid}`, '--mount', ...command]).ended).code === 0;
}

async function withLimit({ pid }: SandboxProcess, most: string): Promise<boolean> {
  return (await run(['prlimit', `--pid=${pid}`, `--nofile=${most}:`]).ended).code === 0;
}
