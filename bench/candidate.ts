import type { Stage } from './context.ts';
import type { InsideMeans, Means, OutsideMeans, Poller } from './means.ts';
import { endedChildrenCpuMs } from './proc.ts';
import { runShell } from './shell.ts';

/** A means of looking that works here, ready to be measured. */
export interface Candidate {
  readonly name: string;
  /** How many connections its first look saw. */
  readonly seen: number;
  readonly pollsPerRound: number;
  /** One round. */
  readonly measure: () => Promise<Measured>;
  readonly close: () => void;
}

/** Of one poll, in microseconds. */
export interface Measured {
  readonly cpuUs: number;
  readonly wallUs: number;
}

// The CPU of ended processes comes in hundredths of a second: a round must be long beside that.
const outsideRounds = 5;

/** @throws when this means can't be used here. */
export function prepare(means: Means, stage: Stage): Promise<Candidate> {
  return means.kind === 'inside' ? prepareInside(means, stage) : prepareOutside(means, stage);
}

async function prepareInside(means: InsideMeans, stage: Stage): Promise<Candidate> {
  const { crew, plan, cpuUs, nowMs } = stage;
  const poller = means.open(crew.port);
  const measure = (polls: number): Measured => {
    const cpuFromUs = cpuUs();
    const fromMs = nowMs();
    for (let poll = 0; poll < polls; poll += 1) {
      poller.poll();
    }
    const wallUs = (nowMs() - fromMs) * 1000;
    return { cpuUs: (cpuUs() - cpuFromUs) / polls, wallUs: wallUs / polls };
  };
  const seen = poller.poll();
  warmUp(poller, nowMs, plan.roundMs);
  const pollsPerRound = pollsFor(plan.roundMs, measure(warmUpPolls).wallUs);
  return {
    name: means.name,
    seen,
    pollsPerRound,
    measure: async () => measure(pollsPerRound),
    close: poller.close,
  };
}

const warmUpPolls = 3;

/** Until the engine has compiled what polls. */
function warmUp({ poll }: Poller, nowMs: () => number, durationMs: number): void {
  const fromMs = nowMs();
  while (nowMs() - fromMs < durationMs) {
    poll();
  }
}

async function prepareOutside(means: OutsideMeans, stage: Stage): Promise<Candidate> {
  const { crew, plan, nowMs } = stage;
  const command = means.command(crew.port);
  await runShell(`command -v ${means.program}`, stage).then((path) => {
    if (path === '') {
      throw new Error('not installed');
    }
  });
  const measure = async (polls: number): Promise<Measured> => {
    const cpuFromMs = endedChildrenCpuMs();
    const fromMs = nowMs();
    // One shell for all of them, as the script has: only what a poll itself needs is counted.
    const loop = `i=0; while [ "$i" -lt ${polls} ]; do ${command}; i=$((i+1)); done`;
    await runShell(`{ ${loop}; } >/dev/null`, stage);
    const wallUs = (nowMs() - fromMs) * 1000;
    return { cpuUs: ((endedChildrenCpuMs() - cpuFromMs) * 1000) / polls, wallUs: wallUs / polls };
  };
  const seen = means.count(await runShell(command, stage));
  const roundMs = plan.roundMs * outsideRounds;
  const pollsPerRound = pollsFor(roundMs, (await measure(1)).wallUs);
  return {
    name: means.name,
    seen,
    pollsPerRound,
    measure: () => measure(pollsPerRound),
    close: () => {},
  };
}

function pollsFor(roundMs: number, pollUs: number): number {
  return Math.max(2, Math.ceil((roundMs * 1000) / pollUs));
}
