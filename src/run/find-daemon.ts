import { findProcess, type Process } from '../backends/procfs/processes.ts';
import { type ProcessScan, scanProcesses } from '../backends/procfs/scan.ts';
import { findEndpoints } from '../monitor/discover.ts';

/**
 * The daemon's process among one and its descendants, the nearest first: one that is called
 * buildkitd, else one that listens, else the one itself. A wrapper such as rootlesskit, or a shell,
 * has the daemon below it.
 *
 * @returns null where processes can't be seen.
 */
export function findDaemonBelow(procRoot: string, pid: number): number | null {
  try {
    const scan = scanProcesses(procRoot);
    const family = familyOf(procRoot, pid, scan);
    const named = scan.daemons().map((process) => process.pid);
    return (
      family.find((each) => named.includes(each)) ??
      family.find((each) => listens(procRoot, each, scan)) ??
      pid
    );
  } catch {
    return null;
  }
}

/** A process and all below it, the nearest first. */
function familyOf(procRoot: string, pid: number, scan: ProcessScan): number[] {
  const processes = scan.pids().flatMap((each) => findProcess(procRoot, each) ?? []);
  const childrenOf = (parents: readonly number[]): number[] =>
    processes
      .filter(({ parentPid }: Process) => parents.includes(parentPid))
      .map((each) => each.pid);
  const family = [pid];
  for (let below = childrenOf(family); below.length > 0; below = childrenOf(below)) {
    family.push(...below);
  }
  return family;
}

function listens(procRoot: string, pid: number, scan: ProcessScan): boolean {
  return findEndpoints(procRoot, { pid, scan }).some(({ isListening }) => isListening);
}
