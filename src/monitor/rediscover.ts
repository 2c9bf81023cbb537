import type { Process } from '../backends/procfs/processes.ts';
import { isTransient } from '../backends/procfs/processes.ts';
import { nextTargets, type Target, targetKey } from './targets.ts';
import type { FoundDaemon } from './types.ts';

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
