import { readFileSync } from 'node:fs';
import type { SandboxProcess } from './sandbox.ts';

/** The pid of a process in the innermost process namespace that it is in, where it sees itself. */
export function ownPid({ pid }: SandboxProcess): string {
  const line = /^NSpid:.*\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  if (line?.[1] === undefined) {
    throw new Error(`The status of process ${pid} has no NSpid`);
  }
  return line[1];
}
