import type { Benchmark, KnownFacts } from '../runner/results.ts';
import type { CostMeasurement, CostPlan, CostResults } from './types.ts';

export const costBenchmark: Benchmark<CostPlan, CostMeasurement, CostResults> = {
  role: 'cost-stage',
  longestStopMs: 3000,
  empty: emptyCost,
  withMeasurement,
};

/** The results of a run that has measured nothing yet. */
export function emptyCost({ plan, date, host, isPrivate }: KnownFacts<CostPlan>): CostResults {
  const network = { isPrivate, tcpSocketsBefore: null };
  return {
    ...{ schema: 1, command: 'buildkit-drain bench cost', date, isComplete: false },
    ...{ host, network, plan },
    ...{
      polls: [],
      counters: [],
      process: [],
      leftOut: [],
      discovery: [],
      scale: [],
      startUp: null,
      exit: null,
      remarks: [],
    },
  };
}

function withMeasurement(results: CostResults, measurement: CostMeasurement): CostResults {
  switch (measurement.kind) {
    case 'network': {
      const { tcpSocketsBefore } = measurement;
      return { ...results, network: { ...results.network, tcpSocketsBefore } };
    }
    case 'polls':
      return { ...results, polls: [...results.polls, ...measurement.results] };
    case 'counters':
      return { ...results, counters: measurement.results };
    case 'process':
      return { ...results, process: [...results.process, measurement.result] };
    case 'left-out':
      return { ...results, leftOut: [...results.leftOut, measurement.result] };
    case 'discovery':
      return { ...results, discovery: [...results.discovery, measurement.result] };
    case 'scale':
      return { ...results, scale: [...results.scale, measurement.result] };
    case 'start-up':
      return { ...results, startUp: measurement.result };
    case 'exit':
      return { ...results, exit: measurement.result };
  }
}
