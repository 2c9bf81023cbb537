import { readFileSync } from 'node:fs';
import type { Process } from '../inspect/procfs/processes.ts';
import { type ProcessScan, scanProcesses } from '../inspect/procfs/scan.ts';
import { elsewhereOf } from './find.ts';

/** What a /proc shows of processes, its daemons being those alone that belong here. */
export interface OwnScan extends ProcessScan {
  /** Those that are called buildkitd and belong elsewhere: to another pod, or to a container on this host. */
  readonly others: () => readonly Process[];
}

/**
 * Makes what reads the processes. A process table may show other places' daemons too: that of a host
 * does, which a pod with `hostPID` sees, and that of a container does with containers inside.
 *
 * A daemon belongs here that is in our network namespace, which all containers of a pod share; or, as
 * one below rootlesskit, in our container and process namespace. Only where none such has ever been
 * seen, and the table is our own place's, all daemons in it are taken.
 */
export function createOwnScans(procRoot: string): () => OwnScan {
  let hasSeenOwn = false;
  return () => {
    const scan = scanProcesses(procRoot);
    let sorted: Sorted | undefined;
    const sort = (): Sorted => {
      const daemons = scan.daemons();
      const own = daemons.filter(({ pid }) => belongsHere(procRoot, pid));
      hasSeenOwn ||= own.length > 0;
      const takesAll = !hasSeenOwn && daemons.length > 0 && isTableOurs(procRoot);
      const mine = takesAll ? daemons : own;
      return { own: mine, others: daemons.filter((each) => !mine.includes(each)) };
    };
    const sortOnce = (): Sorted => {
      sorted ??= sort();
      return sorted;
    };
    return {
      ...scan,
      daemons: () => sortOnce().own,
      others: () => sortOnce().others,
    };
  };
}

interface Sorted {
  readonly own: readonly Process[];
  readonly others: readonly Process[];
}

function belongsHere(procRoot: string, pid: number): boolean {
  return (
    !isElsewhere(procRoot, pid) ||
    (isInOurProcessNamespace(procRoot, pid) &&
      (isTableOurs(procRoot) || containerOf(procRoot, pid) === containerOf(procRoot, 'self')))
  );
}

/** Whether process 1, and so the whole table, is of the place that we are in: not a host's, in a pod of it. */
function isTableOurs(procRoot: string): boolean {
  if (isElsewhere(procRoot, 1)) {
    return false;
  }
  // A pod may share both namespaces with its host. Its own process 1 is in a container, as we are.
  const first = containerOf(procRoot, 1);
  return first === containerOf(procRoot, 'self') || containerId.test(first);
}

/** What can't be told now is taken for ours. */
function isElsewhere(procRoot: string, pid: number): boolean {
  return Boolean(elsewhereOf(procRoot, pid)?.id);
}

/** proc_pid_status(5): a process in a namespace below ours has a pid of its own there as well. */
function isInOurProcessNamespace(procRoot: string, pid: number): boolean {
  const pids = /^NSpid:\s*(.*)$/m.exec(textOf(`${procRoot}/${pid}/status`))?.[1] ?? '';
  return pids.trim().split(/\s+/).length === 1;
}

const containerId = /[0-9a-f]{64}(?!.*[0-9a-f]{64})/;

/**
 * What tells containers apart: the innermost one's id in the path of a control group (cgroups(7)). A path
 * that leads out of our own group's namespace is of none that we are in.
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
