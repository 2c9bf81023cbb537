import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { PrivateNetwork } from './private-network.ts';

/** What is needed to start the process that measures. */
export interface StageProcess<Message> {
  readonly role: string;
  readonly plan: unknown;
  /** The Node.js that runs this program. */
  readonly node: string;
  /** The file that is run as `buildkit-drain`. */
  readonly program: string;
  readonly searchPath: string;
  readonly network: PrivateNetwork;
  /** Raised, it ends the stage early. */
  readonly signal: AbortSignal;
  /** How long the stage may take to end then, and to put its things away. */
  readonly longestStopMs: number;
  readonly hear: (message: Message) => void;
  /** Kills a process and all of its group, if there are any. */
  readonly killGroup: (pid: number) => void;
}

/** Runs a stage to its end, and leaves no process. @throws Error when it ends before its time. */
export async function runStage<Message>(input: StageProcess<Message>): Promise<void> {
  const program = realpathSync(input.program);
  const helper = join(dirname(program), 'bench-helper.cjs');
  const [command = input.node, ...args] = [
    ...[...input.network.prefix, input.node, helper],
    ...[input.role, JSON.stringify(input.plan), program, input.node],
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
    setTimeout(kill, input.longestStopMs).unref();
  };
  stage.on('message', (message) => input.hear(message as Message));
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
