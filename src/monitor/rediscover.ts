import type { Process } from '../backends/procfs/processes.ts';
import { isTransient } from '../backends/procfs/transient.ts';
import { nextTargets, type Target, targetKey } from './targets.ts';
import type { FoundDaemon } from './types.ts';

export interface RediscoveryInput {
  /** What to watch at first. */
  readonly targets: readonly Target[];
  /** Finds the daemons that run now. */
  readonly find: () => readonly FoundDaemon[];
  /** Why they could not be looked for at first, so that the targets may not be all; else null. */
  readonly notFoundYet: string | null;
  readonly isRunning: (process: Process) => boolean;
  readonly onChange: (change: TargetChange) => void;
}

export interface TargetChange {
  readonly daemons: readonly FoundDaemon[];
  readonly added: readonly Target[];
  readonly dropped: readonly Target[];
}

/** What is to be watched, by what was found last. */
export interface Rediscovery {
  readonly targets: () => readonly Target[];
  /** Why there may be more that could not be looked for yet; else null. */
  readonly notFoundYet: () => string | null;
  /** Looks the daemons up. @returns whether the targets are others now, or are taken for something else. */
  readonly again: () => boolean;
}

export function createRediscovery(input: RediscoveryInput): Rediscovery {
  let { targets, notFoundYet } = input;
  return {
    targets: () => targets,
    notFoundYet: () => notFoundYet,
    again() {
      const before = targets;
      let daemons: readonly FoundDaemon[] = [];
      try {
        daemons = input.find();
        targets = nextTargets(before, daemons, input.isRunning);
        notFoundYet = null;
      } catch (error) {
        // Where processes can't be read any more, nothing is to be learned, and nothing changes.
        notFoundYet = isTransient(error) ? (error as Error).message : null;
      }
      const added = missingIn(before, targets);
      const dropped = missingIn(targets, before);
      daemons = daemons.filter(({ isListening }) => isListening);
      input.onChange({ daemons, added, dropped });
      return (
        dropped.length > 0 || !targets.every((target, index) => isAlike(target, before[index]))
      );
    },
  };
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
