import { type ChildProcess, spawn } from 'node:child_process';
import type { ChildEnd } from './types.ts';

/** The daemon's process, or a wrapper's that starts it. */
export interface Child {
  readonly pid: number;
  /** Sends a signal, if it has not ended. */
  readonly kill: (signal: NodeJS.Signals) => void;
  readonly ended: Promise<ChildEnd>;
}

/** A command that could not be started. */
class StartError extends Error {
  override readonly name = 'StartError';
  readonly operation = 'start the command';
  readonly code: string;

  constructor(code: string, message: string, options: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * Starts a command with our standard streams. It has a session of its own, so that Ctrl-C, which the
 * kernel sends to all processes in the foreground of a terminal, comes to us alone.
 *
 * @throws StartError
 */
export async function startChild(
  [program = '', ...args]: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<Child> {
  const child = spawnOrFail(program, args, env);
  const { pid } = child;
  if (pid === undefined) {
    // In the next turn, Node.js says why.
    const cause = await new Promise((resolve) => child.once('error', resolve));
    throw startError(program, cause);
  }
  // A signal to a process that has become another user's is refused.
  child.on('error', () => {});
  return {
    pid,
    kill(signal) {
      child.kill(signal);
    },
    ended: new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        resolve(signal === null ? { kind: 'exited', code: code ?? 0 } : { kind: 'killed', signal });
      });
    }),
  };
}

function spawnOrFail(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): ChildProcess {
  try {
    return spawn(program, args, { stdio: 'inherit', detached: true, env });
  } catch (cause) {
    throw startError(program, cause);
  }
}

function startError(program: string, cause: unknown): StartError {
  const code = (cause as NodeJS.ErrnoException).code ?? 'ERR_SPAWN';
  const reason = reasons[code] ?? `starting it failed with ${code}`;
  const message = `${JSON.stringify(program)} can't be started: ${reason}`;
  return new StartError(code, message, { cause });
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT:
    'there is no such program, or none that its first line names; give its path, or one in PATH',
  EACCES: 'it is not executable, or its folder can not be entered',
};
