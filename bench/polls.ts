import { setImmediate as turn } from 'node:timers/promises';
import { type Candidate, type Measured, prepare } from './candidate.ts';
import type { Stage } from './context.ts';
import { allMeans } from './means.ts';
import { orRemark } from './or-remark.ts';
import { figureOf, pairedRatio } from './statistics.ts';
import type { PollResult } from './types.ts';

/** Measures every means at every size. Sizes and means that can't be had are left out, and told. */
export async function measurePolls(stage: Stage): Promise<void> {
  const { plan, crew, signal } = stage;
  for (const pairs of plan.pairs) {
    const isMade = await orRemark(stage, `${pairs} pairs`, () => crew.setPairs(pairs));
    for (const clients of plan.clients) {
      signal.throwIfAborted();
      stage.startStep(`CPU per poll: ${pairs} pairs, ${clients} clients`);
      if (isMade && (await orRemark(stage, `${clients} clients`, () => crew.setClients(clients)))) {
        const results = await measureSetting(stage, pairs, clients);
        stage.send({ kind: 'polls', results });
      }
    }
    await crew.setClients(0);
  }
}

async function measureSetting(stage: Stage, pairs: number, clients: number): Promise<PollResult[]> {
  const candidates: Candidate[] = [];
  try {
    for (const means of allMeans) {
      await orRemark(stage, means.name, async () => {
        candidates.push(await prepare(means, stage));
      });
    }
    for (const { name, seen } of candidates.filter((each) => each.seen !== clients)) {
      stage.remark(name, `it saw ${seen} of ${clients} clients beside ${pairs} pairs`);
    }
    return resultsOf(await takeRounds(stage, candidates), pairs, clients);
  } finally {
    for (const { close } of candidates) {
      close();
    }
  }
}

type Rounds = Map<Candidate, Measured[]>;

/** Round by round, each beginning with another means, so that what drifts hits all alike. */
async function takeRounds(stage: Stage, candidates: readonly Candidate[]): Promise<Rounds> {
  const rounds: Rounds = new Map(candidates.map((candidate) => [candidate, []]));
  for (let round = 0; round < stage.plan.rounds; round += 1) {
    const inTurn = [...rounds.keys()];
    const first = round % Math.max(1, inTurn.length);
    for (const candidate of [...inTurn.slice(first), ...inTurn.slice(0, first)]) {
      await turn();
      stage.signal.throwIfAborted();
      const isDone = await orRemark(stage, candidate.name, async () => {
        rounds.get(candidate)?.push(await candidate.measure());
      });
      if (!isDone) {
        rounds.delete(candidate);
      }
    }
  }
  return rounds;
}

function resultsOf(rounds: Rounds, pairs: number, clients: number): PollResult[] {
  const cpuOf = (measured: readonly Measured[]): number[] => measured.map(({ cpuUs }) => cpuUs);
  const [standard] = [...rounds].filter(([{ name }]) => name === allMeans[0]?.name);
  return [...rounds].map(([{ name, seen, pollsPerRound }, measured]) => ({
    means: name,
    pairs,
    clients,
    seen,
    pollsPerRound,
    cpuUs: figureOf(cpuOf(measured)),
    wallUs: figureOf(measured.map(({ wallUs }) => wallUs)),
    cpuRatio: standard === undefined ? null : pairedRatio(cpuOf(measured), cpuOf(standard[1])),
  }));
}
