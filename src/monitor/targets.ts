import { isTransient, type Process } from '../backends/procfs/processes.ts';
import type { Endpoint } from '../backends/types.ts';
import type { ListeningDaemon } from '../builds/types.ts';
import { endpointKey, mayBeSameEndpoint } from './endpoints.ts';
import type { FoundDaemon } from './types.ts';

/** An endpoint to watch, and the daemons behind it as far as they are known. */
export interface Target {
  readonly endpoint: Endpoint;
  /** Whether nothing was seen to listen there: it counts once something does. */
  readonly isAssumed: boolean;
  /** Its network namespace, reached by a process in it; null if that is ours. */
  readonly otherNetns: { readonly netDirectory: string; readonly process: Process } | null;
  /** The daemons that were found to listen there; none if that is unknown. */
  readonly owners: readonly Process[];
}

/** Equal for targets that a poll can't tell apart. */
export function targetKey({ endpoint, otherNetns }: Target): string {
  return `${otherNetns?.netDirectory ?? ''} ${endpointKey(endpoint)}`;
}

/**
 * Whether this target covers an endpoint, even if that is written in another way.
 *
 * @param pid a process in the endpoint's network namespace; null if that is ours.
 */
export function isWatchedAt(
  { endpoint: watched, otherNetns }: Target,
  endpoint: Endpoint,
  pid: number | null = null,
): boolean {
  // Unix sockets are polled in both.
  const isThere = endpoint.kind === 'unix' || (otherNetns?.process.pid ?? null) === pid;
  return isThere && mayBeSameEndpoint(watched, endpoint);
}

/** A target with listeners, and their inodes. */
export interface ListeningTarget {
  readonly target: Target;
  readonly listeners: readonly number[];
}

/** Groups targets by daemon. A target without known owners is a group of its own. */
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

/** In another network namespace the same port belongs to another daemon, and a path may. */
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
 * The targets of these daemons: each endpoint once, even if several share it. Endpoints that a daemon is
 * configured with and does not listen on are included, since it may at any moment.
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
 * The targets from now on, given the daemons that run now.
 *
 * A target stays while a daemon lives that listened there: it may have closed its listeners, as BuildKit
 * does when it is stopped, and still have clients. It also stays until another listener is found:
 * a sample of an endpoint without a listener is no count.
 */
function nextTargets(
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
      // A daemon that listened there and still lives may have clients left.
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

/** How to search for the daemons again. */
export interface Rediscovery {
  readonly find: () => readonly FoundDaemon[];
  /** Why the first search failed, so that there may be more targets than are known; else null. */
  readonly notFoundYet: string | null;
  readonly isRunning: (process: Process) => boolean;
  readonly onChange: (change: TargetChange) => void;
}

export interface TargetChange {
  readonly daemons: readonly FoundDaemon[];
  readonly added: readonly Target[];
  readonly dropped: readonly Target[];
}

interface Rediscovered {
  readonly targets: readonly Target[];
  /** Whether the targets, or what is known about them, differ from those before. */
  readonly isChanged: boolean;
  /** As in `Rediscovery`, of this search. */
  readonly notFoundYet: string | null;
}

export function rediscover(
  before: readonly Target[],
  { find, isRunning, onChange }: Rediscovery,
): Rediscovered {
  let targets = before;
  let daemons: readonly FoundDaemon[] = [];
  let notFoundYet: string | null = null;
  try {
    daemons = find();
    targets = nextTargets(before, daemons, isRunning);
  } catch (error) {
    // If processes can no longer be read at all, searching again will not help: the targets stay.
    notFoundYet = isTransient(error) ? (error as Error).message : null;
  }
  const added = missingIn(before, targets);
  const dropped = missingIn(targets, before);
  onChange({ daemons: daemons.filter(({ isListening }) => isListening), added, dropped });
  const isSame = targets.every((target, index) => isAlike(target, before[index]));
  return { targets, isChanged: dropped.length > 0 || !isSame, notFoundYet };
}

function missingIn(there: readonly Target[], here: readonly Target[]): Target[] {
  const keys = there.map(targetKey);
  return here.filter((target) => !keys.includes(targetKey(target)));
}

function isAlike(one: Target, other: Target | undefined): boolean {
  return (
    other !== undefined &&
    targetKey(one) === targetKey(other) &&
    one.isAssumed === other.isAssumed &&
    pidsOf(one) === pidsOf(other)
  );
}

function pidsOf({ owners }: Target): string {
  return owners.map(({ pid }) => pid).join();
}
