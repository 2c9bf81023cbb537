import type { CostInput } from '../cost.ts';
import { hostFacts } from '../host.ts';
import { findPrivateNetwork, notPrivate } from '../private-network.ts';
import { runStage } from '../run-stage.ts';
import { emptyAccuracy, withAccuracy } from './results.ts';
import type { AccuracyMessage, AccuracyPlan, AccuracyResults } from './types.ts';

export interface AccuracyInput extends Omit<CostInput, 'plan' | 'onMessage'> {
  readonly plan: AccuracyPlan;
  readonly onMessage: (message: AccuracyMessage) => void;
}

// What was seen until then is scored yet.
const longestStopMs = 20_000;

/**
 * Measures how well means of looking see connections, in processes of its own. None is left when it
 * returns.
 *
 * @throws Error when the stage ends before its time.
 */
export async function measureAccuracy(input: AccuracyInput): Promise<AccuracyResults> {
  const network = findPrivateNetwork(input.searchPath);
  let results = emptyAccuracy({
    plan: input.plan,
    date: input.now().toISOString(),
    host: hostFacts(input.version, input.nodeVersion),
    isPrivate: network.whyNot === null,
  });
  const hear = (message: AccuracyMessage): void => {
    results = withAccuracy(results, message);
    input.onMessage(message);
  };
  if (network.whyNot !== null) {
    hear({ kind: 'remark', remark: notPrivate(network.whyNot) });
  }
  await runStage({ ...input, role: 'accuracy-stage', longestStopMs, network, hear });
  return results;
}
