import type { Process } from '../backends/procfs/processes.ts';
import type { Endpoint } from '../backends/types.ts';
import type { ListeningDaemon } from '../builds/types.ts';
import { endpointKey, mayBeSameEndpoint } from './endpoints.ts';
import type { FoundDaemon } from './types.ts';

/** An endpoint to watch, with what is known of whose it is. */
export interface Target {
  readonly endpoint: Endpoint;
  /** Where something may listen, and nothing was seen to: it counts once something does. */
  readonly isAssumed: boolean;
  /** The network namespace that it is in, where that is not ours, by a process there. */
  readonly otherNetns: { readonly netDirectory: string; readonly process: Process } | null;
  /** The daemons that were found to listen there; none where nobody knows. */
  readonly owners: readonly Process[];
}

/** What two targets are told apart by. */
export function targetKey({ endpoint, otherNetns }: Target): string {
  return `${otherNetns?.netDirectory ?? ''} ${endpointKey(endpoint)}`;
}

/**
 * Whether an endpoint of a network namespace is watched with this target, be it written otherwise.
 *
 * @param pid a process there, where the namespace is not ours.
 */
export function isWatchedAt(
  { endpoint: watched, otherNetns }: Target,
  endpoint: Endpoint,
  pid: number | null = null,
): boolean {
  // Unix sockets are looked at in both.
  const isThere = endpoint.kind === 'unix' || (otherNetns?.process.pid ?? null) === pid;
  return isThere && mayBeSameEndpoint(watched, endpoint);
}

/** A target that something listens on, with the inodes of the listeners. */
export interface ListeningTarget {
  readonly target: Target;
  readonly listeners: readonly number[];
}

/** What belongs to one daemon together. Targets whose owner nobody knows stand alone. */
export function groupByDaemon(
  procRoot: string,
  listening: readonly ListeningTarget[],
): ListeningDaemon[] {
  const groups = new Map<string, ListeningDaemon>();
  for (const { target, listeners } of listening) {
    const pids = target.owners.map(({ pid }) => pid);
    const key = pids.length > 0 ? [...pids].sort().join() : targetKey(target);
    const group = groups.get(key) ?? { endpoints: [], listeners: [] };
    groups.set(key, {
      endpoints: [...group.endpoints, ...reachableEndpoint(procRoot, target)],
      listeners: [...group.listeners, ...listeners],
    });
  }
  return [...groups.values()];
}

/** In another network namespace the same port is another daemon's, and a path may be. */
function reachableEndpoint(procRoot: string, { endpoint, otherNetns }: Target): Endpoint[] {
  if (otherNetns === null) {
    return [endpoint];
  }
  if (endpoint.kind === 'tcp' || endpoint.path.startsWith('@')) {
    return [];
  }
  const path = `${procRoot}/${otherNetns.process.pid}/root${endpoint.path}`;
  return [{ kind: 'unix', address: `unix://${path}`, path }];
}

/**
 * What to watch of these daemons: each endpoint once, though several may share it. Where one was told
 * to listen and does not, it may do so at any moment.
 */
export function targetsOf(daemons: readonly FoundDaemon[]): Target[] {
  const targets = new Map<string, Target>();
  const add = ({ process, otherNetns }: FoundDaemon, endpoint: Endpoint, isAssumed: boolean) => {
    const key = `${otherNetns?.id ?? ''} ${endpointKey(endpoint)}`;
    const shared = targets.get(key);
    targets.set(key, {
      endpoint: shared?.endpoint ?? endpoint,
      isAssumed: isAssumed && shared?.isAssumed !== false,
      otherNetns:
        shared?.otherNetns ??
        (otherNetns === null ? null : { netDirectory: otherNetns.netDirectory, process }),
      owners: [...(shared?.owners ?? []), process],
    });
  };
  for (const daemon of daemons) {
    for (const endpoint of daemon.endpoints) {
      add(daemon, endpoint, !daemon.isListening);
    }
    for (const endpoint of daemon.unheard) {
      add(daemon, endpoint, true);
    }
  }
  return [...targets.values()];
}

/**
 * What to watch from now on, when these daemons were found to run now.
 *
 * What was watched stays while a daemon lives that listened there: it may have closed its listeners,
 * as BuildKit does when it is told to stop, and still have clients. It stays, too, until it is known
 * where else one listens: an endpoint that nobody listens on makes no sample a count.
 */
export function nextTargets(
  current: readonly Target[],
  daemons: readonly FoundDaemon[],
  isRunning: (process: Process) => boolean,
): Target[] {
  const listening = daemons.filter(({ isListening }) => isListening);
  const found = new Map(targetsOf(listening).map((target) => [targetKey(target), target]));
  const mayBeClosing = ({ otherNetns, owners }: Target): boolean =>
    otherNetns === null ? owners.some(isRunning) : isRunning(otherNetns.process);
  const next: Target[] = [];
  for (const target of current) {
    const again = found.get(targetKey(target));
    if (again !== undefined) {
      found.delete(targetKey(target));
      // Who has listened there and lives may have clients left.
      const isAssumed = again.isAssumed && (target.isAssumed || !mayBeClosing(target));
      const owners = joined(target, again, isRunning);
      next.push({ ...again, endpoint: target.endpoint, isAssumed, owners });
    } else if (target.owners.length === 0 || mayBeClosing(target) || listening.length === 0) {
      next.push(target);
    }
  }
  return [...next, ...found.values()];
}

function joined(
  before: Target,
  now: Target,
  isRunning: (process: Process) => boolean,
): readonly Process[] {
  const isNew = ({ pid }: Process): boolean => now.owners.every((owner) => owner.pid !== pid);
  return [...now.owners, ...before.owners.filter((owner) => isNew(owner) && isRunning(owner))];
}
