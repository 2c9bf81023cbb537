import { readFileSync } from 'node:fs';
import { waitFor } from './wait-for.ts';

/** Resolves when a process is in one of these states of proc_pid_stat(5), such as `T` and `Z`. */
export async function waitForState(pid: number, states: string): Promise<void> {
  await waitFor(`process ${pid} in state ${states}`, () => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return states.includes(stat.charAt(stat.lastIndexOf(')') + 2));
  });
}
