import { endedChildrenCpuMs } from '../runner/proc.ts';
import { runShell } from '../runner/shell.ts';
import { orRemark, type Stage } from './context.ts';
import {
  allMethods,
  type CostMethod,
  type InProcessMethod,
  type Poller,
  type ShellMethod,
} from './methods.ts';
import { compareInRounds, type Measured, type Subject } from './rounds.ts';
import type { PollCost } from './types.ts';

/** Measures every method at every size. A remark names the sizes and methods that are not available. */
export async function measurePolls(stage: Stage): Promise<void> {
  const { plan, sockets, signal } = stage;
  for (const pairs of plan.pairs) {
    const isMade = await orRemark(stage, `${pairs} pairs`, () => sockets.setPairs(pairs));
    for (const clients of plan.clients) {
      signal.throwIfAborted();
      stage.startStep(`CPU per poll: ${pairs} pairs, ${clients} clients`);
      if (
        isMade &&
        (await orRemark(stage, `${clients} clients`, () => sockets.setClients(clients)))
      ) {
        const results = await measureSetting(stage, pairs, clients);
        stage.send({ kind: 'polls', results });
      }
    }
    await sockets.setClients(0);
  }
}

function measureSetting(stage: Stage, pairs: number, clients: number): Promise<PollCost[]> {
  const candidates = allMethods.map((method) => ({
    name: method.name,
    prepare: () => prepare(method, stage),
  }));
  return compareInRounds(stage, candidates, { pairs, clients });
}

// The CPU of ended processes is counted in hundredths of a second, so rounds must be much longer.
const shellRoundFactor = 5;

/** @throws when this method cannot be used here. */
function prepare(method: CostMethod, stage: Stage): Promise<Subject> {
  return method.kind === 'in-process'
    ? prepareInProcess(method, stage)
    : prepareShell(method, stage);
}

async function prepareInProcess(method: InProcessMethod, stage: Stage): Promise<Subject> {
  const { sockets, plan, cpuUs, nowMs } = stage;
  const poller = method.open(sockets.port);
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
    seen,
    pollsPerRound,
    measure: async () => measure(pollsPerRound),
    close: poller.close,
  };
}

const warmUpPolls = 3;

/** Polls until the engine has compiled the code. */
function warmUp({ poll }: Poller, nowMs: () => number, durationMs: number): void {
  const fromMs = nowMs();
  while (nowMs() - fromMs < durationMs) {
    poll();
  }
}

async function prepareShell(method: ShellMethod, stage: Stage): Promise<Subject> {
  const { sockets, plan, nowMs } = stage;
  const command = method.command(sockets.port);
  await runShell(`command -v ${method.program}`, stage).then((path) => {
    if (path === '') {
      throw new Error('not installed');
    }
  });
  const measure = async (polls: number): Promise<Measured> => {
    const cpuFromMs = endedChildrenCpuMs();
    const fromMs = nowMs();
    // One shell for all polls, as in the script: its own start is not part of a poll.
    const loop = `i=0; while [ "$i" -lt ${polls} ]; do ${command}; i=$((i+1)); done`;
    await runShell(`{ ${loop}; } >/dev/null`, stage);
    const wallUs = (nowMs() - fromMs) * 1000;
    return { cpuUs: ((endedChildrenCpuMs() - cpuFromMs) * 1000) / polls, wallUs: wallUs / polls };
  };
  const seen = method.count(await runShell(command, stage));
  const roundMs = plan.roundMs * shellRoundFactor;
  const pollsPerRound = pollsFor(roundMs, (await measure(1)).wallUs);
  return {
    seen,
    pollsPerRound,
    measure: () => measure(pollsPerRound),
    close: () => {},
  };
}

function pollsFor(roundMs: number, pollUs: number): number {
  return Math.max(2, Math.ceil((roundMs * 1000) / pollUs));
}
