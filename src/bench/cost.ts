import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { hostFacts } from './host.ts';
import { findPrivateNetwork, type PrivateNetwork } from './private-network.ts';
import { emptyResults, withMessage } from './results.ts';
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

// How long the stage may take to put its things away.
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
    const why = `${network.whyNot}: measured among the sockets of this network`;
    hear({ kind: 'remark', remark: { what: 'a network namespace of its own', why } });
  }
  await runStage(input, network, hear);
  return results;
}

async function runStage(
  input: CostInput,
  { prefix }: PrivateNetwork,
  hear: (message: StageMessage) => void,
): Promise<void> {
  const program = realpathSync(input.program);
  const helper = join(dirname(program), 'bench-helper.cjs');
  const [command = input.node, ...args] = [
    ...[...prefix, input.node, helper],
    ...['stage', JSON.stringify(input.plan), program],
  ];
  // In a process group of its own: Ctrl-C reaches this process alone, which then stops the stage.
  const stage = spawn(command, args, {
    detached: true,
    env: { PATH: input.searchPath },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const kill = (): void => {
    if (stage.pid !== undefined) {
      input.killGroup(stage.pid);
    }
  };
  const stop = (): void => {
    // Where the channel is closed, the stage is about to end anyway.
    stage.send('stop', () => {});
    setTimeout(kill, longestStopMs).unref();
  };
  stage.on('message', hear);
  input.signal.addEventListener('abort', stop);
  if (input.signal.aborted) {
    stop();
  }
  const [code, signal] = await once(stage, 'close');
  kill();
  if (code !== 0 && !input.signal.aborted) {
    throw new Error(`the process that measures ended with ${signal ?? code}`);
  }
}
