import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { cliPath } from './cli.ts';
import { node } from './running.ts';
import { waitFor } from './wait-for.ts';

/** `buildkit-drain bench` as a process. */
export interface Bench {
  readonly child: ChildProcess;
  /** Resolves when its standard error has this text. */
  readonly logged: (text: string) => Promise<void>;
  readonly ended: Promise<{ code: number | null; stdout: string; stderr: string }>;
}

export function startBench(
  command: 'cost' | 'accuracy',
  args: readonly string[],
  env: Record<string, string> = {},
): Bench {
  const child = spawn(node, [cliPath, 'bench', command, ...args], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
    });
  }
  let hasEnded = false;
  const ended = once(child, 'close').then(([code]) => {
    hasEnded = true;
    return { code, ...output };
  });
  return {
    child,
    ended,
    logged: async (text) => {
      await waitFor(`${JSON.stringify(text)} from bench`, () => {
        const isLogged = output.stderr.includes(text);
        if (!isLogged && hasEnded) {
          throw new Error(`It has ended without ${JSON.stringify(text)}: ${output.stderr}`);
        }
        return isLogged;
      });
    },
  };
}

/** The command lines of all processes, their words apart by spaces. */
export function commandLines(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ');
      } catch {
        return '';
      }
    });
}
