import type { Benchmark, KnownFacts } from '../runner/run.ts';
import type { CostPlan, CostResults, StageMessage } from './types.ts';

export const costBenchmark: Benchmark<CostPlan, StageMessage, CostResults> = {
  role: 'stage',
  longestStopMs: 3000,
  empty: emptyResults,
  withMessage,
};

/** What is known before anything is measured. */
export function emptyResults({ plan, date, host, isPrivate }: KnownFacts<CostPlan>): CostResults {
  return {
    schema: 1,
    command: 'buildkit-drain bench cost',
    date,
    isComplete: false,
    host,
    network: { isPrivate, tcpSocketsBefore: null },
    plan,
    polls: [],
    process: [],
    startUp: null,
    exit: null,
    remarks: [],
  };
}

/** The results after one more message of the stage. */
export function withMessage(results: CostResults, message: StageMessage): CostResults {
  switch (message.kind) {
    case 'progress':
      return results;
    case 'network': {
      const { tcpSocketsBefore } = message;
      return { ...results, network: { ...results.network, tcpSocketsBefore } };
    }
    case 'polls':
      return { ...results, polls: [...results.polls, ...message.results] };
    case 'process':
      return { ...results, process: [...results.process, message.result] };
    case 'start-up':
      return { ...results, startUp: message.result };
    case 'exit':
      return { ...results, exit: message.result };
    case 'remark':
      return isTold(results, message) ? results : addRemark(results, message);
    case 'end':
      return { ...results, isComplete: true };
  }
}

type RemarkMessage = Extract<StageMessage, { kind: 'remark' }>;

// A method that is not installed is found so at every size.
function isTold({ remarks }: CostResults, { remark }: RemarkMessage): boolean {
  return remarks.some(({ what, why }) => what === remark.what && why === remark.why);
}

function addRemark(results: CostResults, { remark }: RemarkMessage): CostResults {
  return { ...results, remarks: [...results.remarks, remark] };
}
