import { hostFacts } from './host.ts';
import { findPrivateNetwork, notPrivate } from './private-network.ts';
import { emptyResults, withMessage } from './results.ts';
import { runStage } from './run-stage.ts';
import type { CostPlan, CostResults, StageMessage } from './types.ts';

export interface CostInput {
  readonly plan: CostPlan;
  /** The Node.js that runs this program, and its version. */
  readonly node: string;
  readonly nodeVersion: string;
  /** The file that is run as `buildkit-drain`, and the version of its package. */
  readonly program: string;
  readonly version: string;
  readonly searchPath: string;
  readonly now: () => Date;
  /** Raised, it ends the run early: what is done by then is returned. */
  readonly signal: AbortSignal;
  readonly onMessage: (message: StageMessage) => void;
  /** Kills a process and all of its group, if there are any. */
  readonly killGroup: (pid: number) => void;
}

const longestStopMs = 3000;

/**
 * Measures what looking costs, in processes of its own. None is left when it returns.
 *
 * @throws Error when the stage ends before its time.
 */
export async function measureCost(input: CostInput): Promise<CostResults> {
  const network = findPrivateNetwork(input.searchPath);
  let results = emptyResults({
    plan: input.plan,
    date: input.now().toISOString(),
    host: hostFacts(input.version, input.nodeVersion),
    isPrivate: network.whyNot === null,
  });
  const hear = (message: StageMessage): void => {
    results = withMessage(results, message);
    input.onMessage(message);
  };
  if (network.whyNot !== null) {
    hear({ kind: 'remark', remark: notPrivate(network.whyNot) });
  }
  await runStage({ ...input, role: 'stage', longestStopMs, network, hear });
  return results;
}
