import { readFileSync, statSync } from 'node:fs';
import { nameOf, type Process } from '../backends/procfs/processes.ts';
import { scanProcesses } from '../backends/procfs/scan.ts';
import { attempt } from './attempt.ts';
import type { DaemonFacts, ProcessFacts } from './types.ts';

const firstPid = 1;

/** @throws the error of the file system where processes can't be read. */
export function findProcesses(procRoot: string): ProcessFacts {
  const pids = scanProcesses(procRoot).pids();
  const showsFirst = pids.includes(firstPid);
  const first = attempt(() => nameOf(procRoot, firstPid));
  const mount = attempt(() => hidepidOf(readFileSync(`${procRoot}/self/mounts`, 'utf8'), procRoot));
  return {
    count: pids.length,
    showsFirst,
    firstName: showsFirst && first.kind === 'done' ? first.value : null,
    hidepid: mount.kind === 'done' ? mount.value : null,
  };
}

/** @throws the error of the file system where processes can't be read. */
export function findDaemons(procRoot: string, given: Process | null): DaemonFacts[] {
  const scan = scanProcesses(procRoot);
  const processes = given === null ? scan.daemons() : [given];
  return processes.map(({ pid }) => ({
    pid,
    name: nameOf(procRoot, pid),
    uid: attempt(() => statSync(`${procRoot}/${pid}`).uid),
    showsDescriptors: scan.sockets(pid) !== null,
  }));
}

/** proc_pid_mounts(5): what is mounted last on a place is what one sees there. */
function hidepidOf(mounts: string, procRoot: string): string | null {
  const options = mounts
    .split('\n')
    .map((line) => line.split(' '))
    .findLast(([, place]) => place === procRoot)?.[3];
  return /(?:^|,)hidepid=(\w+)/.exec(options ?? '')?.[1] ?? null;
}
