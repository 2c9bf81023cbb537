import { setImmediate as turn } from 'node:timers/promises';
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
import { figureOf, pairedRatio } from './statistics.ts';
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

async function measureSetting(stage: Stage, pairs: number, clients: number): Promise<PollCost[]> {
  const subjects: Subject[] = [];
  try {
    for (const method of allMethods) {
      await orRemark(stage, method.name, async () => {
        subjects.push(await prepare(method, stage));
      });
    }
    for (const { name, seen } of subjects.filter((each) => each.seen !== clients)) {
      stage.remark(name, `it saw ${seen} of ${clients} clients with ${pairs} pairs`);
    }
    return resultsOf(await takeRounds(stage, subjects), pairs, clients);
  } finally {
    for (const { close } of subjects) {
      close();
    }
  }
}

type Rounds = Map<Subject, Measured[]>;

/** Each round begins with a different method, so that drift affects all methods alike. */
async function takeRounds(stage: Stage, subjects: readonly Subject[]): Promise<Rounds> {
  const rounds: Rounds = new Map(subjects.map((subject) => [subject, []]));
  for (let round = 0; round < stage.plan.rounds; round += 1) {
    const inTurn = [...rounds.keys()];
    const first = round % Math.max(1, inTurn.length);
    for (const subject of [...inTurn.slice(first), ...inTurn.slice(0, first)]) {
      await turn();
      stage.signal.throwIfAborted();
      const isDone = await orRemark(stage, subject.name, async () => {
        rounds.get(subject)?.push(await subject.measure());
      });
      if (!isDone) {
        rounds.delete(subject);
      }
    }
  }
  return rounds;
}

function resultsOf(rounds: Rounds, pairs: number, clients: number): PollCost[] {
  const cpuOf = (measured: readonly Measured[]): number[] => measured.map(({ cpuUs }) => cpuUs);
  const [standard] = [...rounds].filter(([{ name }]) => name === allMethods[0]?.name);
  return [...rounds].map(([{ name, seen, pollsPerRound }, measured]) => ({
    method: name,
    pairs,
    clients,
    seen,
    pollsPerRound,
    cpuUs: figureOf(cpuOf(measured)),
    wallUs: figureOf(measured.map(({ wallUs }) => wallUs)),
    cpuRatio: standard === undefined ? null : pairedRatio(cpuOf(measured), cpuOf(standard[1])),
  }));
}

/** A method that works here, ready to be measured. */
interface Subject {
  readonly name: string;
  /** The number of connections in its first poll. */
  readonly seen: number;
  readonly pollsPerRound: number;
  /** One round. */
  readonly measure: () => Promise<Measured>;
  readonly close: () => void;
}

/** Of one poll, in microseconds. */
interface Measured {
  readonly cpuUs: number;
  readonly wallUs: number;
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
    name: method.name,
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
    name: method.name,
    seen,
    pollsPerRound,
    measure: () => measure(pollsPerRound),
    close: () => {},
  };
}

function pollsFor(roundMs: number, pollUs: number): number {
  return Math.max(2, Math.ceil((roundMs * 1000) / pollUs));
}
