import { readFileSync } from 'node:fs';
import type { Process } from '../backends/procfs/processes.ts';
import { type ProcessScan, scanProcesses } from '../backends/procfs/scan.ts';
import { otherNetnsOf } from './discover.ts';

/** A scan of processes whose daemons are only those that belong here. */
export interface OwnScan extends ProcessScan {
  /** Processes called buildkitd that belong to another pod, or to another container of this host. */
  readonly others: () => readonly Process[];
}

/**
 * Creates the function that scans the processes. A process table may show daemons of other containers:
 * that of a host does, which a pod with `hostPID` sees, and that of a container with containers inside.
 * The nearest of all daemons seen so far belong here.
 */
export function createOwnScans(procRoot: string): () => OwnScan {
  let nearest: number = distances.table;
  return () => {
    const scan = scanProcesses(procRoot);
    let sorted: Sorted | undefined;
    const sort = (): Sorted => {
      const daemons = scan.daemons().map((process) => {
        return { process, distance: distanceOf(procRoot, process.pid) };
      });
      nearest = Math.min(nearest, ...daemons.map(({ distance }) => distance));
      const isOwn = ({ distance }: { readonly distance: number }): boolean => distance <= nearest;
      return {
        own: daemons.filter(isOwn).map(({ process }) => process),
        others: daemons.filter((each) => !isOwn(each)).map(({ process }) => process),
      };
    };
    const sortOnce = (): Sorted => {
      sorted ??= sort();
      return sorted;
    };
    return { ...scan, daemons: () => sortOnce().own, others: () => sortOnce().others };
  };
}

interface Sorted {
  readonly own: readonly Process[];
  readonly others: readonly Process[];
}

const distances = {
  /** In our network namespace, which all containers of a pod share. */
  network: 0,
  /** In our process namespace and container, with a network of its own: below rootlesskit. */
  container: 1,
  /** In the process table of our container, and so in it or in a container inside. */
  table: 2,
  otherNetns: 3,
} as const;

function distanceOf(procRoot: string, pid: number): number {
  if (!isInOtherNetns(procRoot, pid)) {
    return distances.network;
  }
  const isOurs = isTableOurs(procRoot);
  const isBeside = isOurs || containerOf(procRoot, pid) === containerOf(procRoot, 'self');
  if (isBeside && isInOurProcessNamespace(procRoot, pid)) {
    return distances.container;
  }
  return isOurs ? distances.table : distances.otherNetns;
}

/** Whether process 1, and so the whole table, is of our container, rather than of the pod's host. */
function isTableOurs(procRoot: string): boolean {
  if (isInOtherNetns(procRoot, 1)) {
    return false;
  }
  // A pod may share both namespaces with its host. Its own process 1 is in a container, as we are.
  const first = containerOf(procRoot, 1);
  return first === containerOf(procRoot, 'self') || containerId.test(first);
}

/** What can't be determined now counts as ours. */
function isInOtherNetns(procRoot: string, pid: number): boolean {
  return Boolean(otherNetnsOf(procRoot, pid)?.id);
}

/** proc_pid_status(5): a process in a namespace below ours has a pid of its own there as well. */
function isInOurProcessNamespace(procRoot: string, pid: number): boolean {
  const pids = /^NSpid:\s*(.*)$/m.exec(textOf(`${procRoot}/${pid}/status`))?.[1] ?? '';
  return pids.trim().split(/\s+/).length === 1;
}

const containerId = /[0-9a-f]{64}(?!.*[0-9a-f]{64})/;

/**
 * Differs between containers: the innermost container's id in the path of a control group (cgroups(7)).
 * A path that leads out of our control group namespace is of none that we are in.
 */
function containerOf(procRoot: string, pid: number | 'self'): string {
  const paths = textOf(`${procRoot}/${pid}/cgroup`)
    .split('\n')
    .map((line) => line.split(':').slice(2).join(':'));
  const longest = paths.reduce((one, other) => (other.length > one.length ? other : one), '');
  return containerId.exec(longest)?.[0] ?? (longest.startsWith('/..') ? '..' : '');
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
