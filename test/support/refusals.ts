import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compiled } from './native.ts';
import { run } from './running.ts';
import type { Sandbox, SandboxProcess } from './sandbox.ts';

/** For `through`: the kernel refuses sock_diag to the command from its start. */
export function refusingSockDiag(errno: number): readonly string[] {
  return [compiled('refuse'), 'always', String(errno)];
}

/** A refusal of sock_diag that comes and goes while the command runs. */
export interface Refusal {
  readonly through: readonly string[];
  readonly begin: () => void;
  readonly end: () => void;
}

export function sockDiagRefusal(sandbox: Sandbox, errno: number): Refusal {
  const directory = join(sandbox.directory, 'control');
  mkdirSync(directory);
  const file = join(directory, 'refused');
  return {
    through: [compiled('refuse'), file, String(errno)],
    begin: () => writeFileSync(file, ''),
    end: () => rmSync(file),
  };
}

const ownMounts = ['unshare', '--mount'];
const mountOverProc = ['mount', '-t', 'tmpfs', 'none', '/proc'];

/** For `through`: mounts of the command's own, so that its /proc can be masked while it runs. */
export const withOwnMounts: readonly string[] = [
  // For scripts/check-memory.mjs.
  ...['env', 'PROC_MAY_GO=1'],
  ...ownMounts,
];

/** For `through`: an empty tmpfs is on the command's /proc from its start. */
export const withoutProc: readonly string[] = [
  ...ownMounts,
  'sh',
  '-c',
  `${mountOverProc.join(' ')} && exec "$0" "$@"`,
];

/** Mounts an empty tmpfs on the /proc of a process that has mounts of its own. */
export async function maskProc({ pid }: SandboxProcess): Promise<void> {
  const { code, stderr } = await run(['nsenter', `--target=${pid}`, '--mount', ...mountOverProc])
    .ended;
  if (code !== 0) {
    throw new Error(`/proc of process ${pid} can't be masked: ${stderr}`);
  }
}
