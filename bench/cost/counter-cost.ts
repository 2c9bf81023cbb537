import { startHelper } from '../runner/helper-process.ts';
import type { Stage } from './context.ts';
import { type CounterAnswer, type CounterCommand, counterNames } from './counters.ts';
import { type Candidate, compareInRounds } from './rounds.ts';
import { referenceClients } from './types.ts';

const intervalMs = 100;

/** Measures how programs in Node.js count, each in a process of its own, ten times a second. */
export async function measureCounters(stage: Stage): Promise<void> {
  const { plan, send, startStep } = stage;
  if (plan.counts === 0) {
    return;
  }
  startStep(`counting from Node.js, ${plan.counts} times a round`);
  const pairs = Math.max(...plan.pairs);
  const candidates = counterNames.map((name) => candidateOf(stage, name));
  const results = await compareInRounds(stage, candidates, { pairs, clients: referenceClients });
  send({ kind: 'counters', results });
}

function candidateOf(stage: Stage, name: CounterCommand['name']): Candidate {
  const { plan, sockets } = stage;
  return {
    name,
    async prepare() {
      const process = startHelper<CounterCommand, CounterAnswer>('counter', stage);
      const count = (counts: number): Promise<CounterAnswer> =>
        process.call({ name, localPort: sockets.port, counts, intervalMs });
      try {
        // Compiled and cached from then on, as in a program that has run for a while.
        const { seen } = await count(plan.counts);
        return {
          seen,
          pollsPerRound: plan.counts,
          measure: () => count(plan.counts),
          close: () => void process.close(),
        };
      } catch (error) {
        await process.close();
        throw error;
      }
    },
  };
}
