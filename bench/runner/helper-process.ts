import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/** What is needed to start bench/helper.ts in one of its roles. */
export interface HelperOptions {
  readonly node: string;
  readonly helper: string;
  readonly env: Readonly<Record<string, string>>;
  /** Aborts every call. */
  readonly signal: AbortSignal;
}

/** A process that carries out commands, one at a time. */
export interface HelperProcess<in Command, out Answer> {
  readonly pid: number;
  /** @throws when the command fails, or the process has ended. */
  readonly call: (command: Command) => Promise<Answer>;
  readonly close: () => Promise<void>;
}

/** @param name the name of the process, as `ps` shows it. */
export function startHelper<Command, Answer>(
  role: string,
  options: HelperOptions,
  name = 'node',
): HelperProcess<Command, Answer> {
  const child = spawn(options.node, [options.helper, role], {
    argv0: name,
    env: options.env,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    serialization: 'advanced',
  });
  const ended = once(child, 'exit').then(() => {});
  // A rejection is handled even while no call waits.
  ended.catch(() => {});
  let calls = 0;
  return {
    pid: child.pid ?? 0,
    call(command) {
      calls += 1;
      return answerOf(child, calls, command, options.signal);
    },
    async close() {
      child.kill('SIGKILL');
      await ended.catch(() => {});
    },
  };
}

/** What a helper sends back. */
export type HelperAnswer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: string };

function answerOf<Answer>(
  child: ChildProcess,
  id: number,
  command: unknown,
  signal: AbortSignal,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => (): void => {
      child.off('message', onMessage);
      child.off('exit', onExit);
      child.off('error', reject);
      signal.removeEventListener('abort', onAbort);
      act();
    };
    const onMessage = (answer: HelperAnswer): void => {
      if (answer.id === id) {
        settle(() =>
          'error' in answer ? reject(new Error(answer.error)) : resolve(answer.value as Answer),
        )();
      }
    };
    const onExit = settle(() => reject(new Error('a helper process of the benchmark has ended')));
    const onAbort = settle(() => reject(signal.reason));
    child.on('message', onMessage);
    child.once('exit', onExit);
    child.once('error', reject);
    signal.addEventListener('abort', onAbort);
    signal.throwIfAborted();
    child.send({ id, command });
  });
}
