import { type SpawnOptions, spawn } from 'node:child_process';
import { waitFor } from './wait-for.ts';

/** How a process ended, with all that it printed. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A process that was started, and what it has printed up to now. */
export interface Running {
  readonly pid: number;
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly send: (text: string) => void;
  /** Resolves with the n-th (from 0) whole line of standard output. */
  readonly line: (n: number) => Promise<string>;
  readonly hasEnded: () => boolean;
  /** Kills it, if it has not ended, and waits for its end. */
  readonly kill: () => Promise<void>;
  /** Resolves when the process has ended and its output is closed. */
  readonly ended: Promise<Ended>;
}

// Nothing of the environment that the tests run in may reach what they test, but that what is shipped
// is tested, and not what a checkout may have built last week.
const plainEnv = { PATH: process.env['PATH'], PREBUILDS_ONLY: '1' };

// `npm run check:memory` gives the path of a program that starts Node.js under a checker.
export const node = process.env['CHECKED_NODE'] ?? process.execPath;

export function run(command: readonly string[], options: SpawnOptions = {}): Running {
  const [program = '', ...args] = command.map((word) => word.replaceAll(process.execPath, node));
  const { env, ...others } = options;
  const child = spawn(program, args, { ...others, env: { ...plainEnv, ...env } });
  let stdout = '';
  let stderr = '';
  let hasEnded = false;
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  // A write to a process that has ended fails by the missing answer.
  child.stdin?.on('error', () => {});
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      hasEnded = true;
      resolve({ code, signal, stdout, stderr });
    });
  });

  const line = async (n: number): Promise<string> => {
    const wholeLine = (): string | undefined => {
      const lines = stdout.split('\n').slice(0, -1);
      if (lines[n] === undefined && hasEnded) {
        throw new Error(`${command.join(' ')} has ended without line ${n}: ${stdout}${stderr}`);
      }
      return lines[n];
    };
    return waitFor(`line ${n} of ${command.join(' ')}`, wholeLine);
  };

  return {
    pid: child.pid ?? Number.NaN,
    stdout: () => stdout,
    stderr: () => stderr,
    send: (text) => child.stdin?.write(text),
    line,
    hasEnded: () => hasEnded,
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
    ended,
  };
}
