import { setImmediate as turn } from 'node:timers/promises';
import { orRemark, type Stage } from './context.ts';
import { figureOf, pairedRatio } from './statistics.ts';
import type { PollCost } from './types.ts';

/** A way to count, before it is known whether it works here. */
export interface Candidate {
  readonly name: string;
  /** @throws when it cannot be used here. */
  readonly prepare: () => Promise<Subject>;
}

/** One that works here, ready to be measured. */
export interface Subject {
  /** The number of connections in its first poll. */
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

type Setting = Pick<PollCost, 'pairs' | 'clients'>;
type Named = Subject & Pick<Candidate, 'name'>;

/**
 * Measures all candidates in turn, round by round, and compares each with the first one. A remark names those that
 * are not available, or do not see all clients.
 */
export async function compareInRounds(
  stage: Stage,
  candidates: readonly Candidate[],
  setting: Setting,
): Promise<PollCost[]> {
  const subjects: Named[] = [];
  try {
    for (const { name, prepare } of candidates) {
      await orRemark(stage, name, async () => {
        subjects.push({ ...(await prepare()), name });
      });
    }
    const { pairs, clients } = setting;
    for (const { name, seen } of subjects.filter((each) => each.seen !== clients)) {
      stage.remark(name, `it saw ${seen} of ${clients} clients with ${pairs} pairs`);
    }
    return resultsOf(await takeRounds(stage, subjects), candidates[0]?.name, setting);
  } finally {
    for (const { close } of subjects) {
      close();
    }
  }
}

type Rounds = Map<Named, Measured[]>;

/** Each round begins with a different subject, so that drift affects all of them alike. */
async function takeRounds(stage: Stage, subjects: readonly Named[]): Promise<Rounds> {
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

function resultsOf(rounds: Rounds, standardName: string | undefined, setting: Setting): PollCost[] {
  const cpuOf = (measured: readonly Measured[]): number[] => measured.map(({ cpuUs }) => cpuUs);
  const standard = [...rounds].find(([{ name }]) => name === standardName);
  return [...rounds].map(([{ name, seen, pollsPerRound }, measured]) => ({
    method: name,
    ...setting,
    seen,
    pollsPerRound,
    cpuUs: figureOf(cpuOf(measured)),
    wallUs: figureOf(measured.map(({ wallUs }) => wallUs)),
    cpuRatio: standard === undefined ? null : pairedRatio(cpuOf(measured), cpuOf(standard[1])),
  }));
}
