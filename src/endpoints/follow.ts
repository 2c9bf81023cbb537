import type { Looker } from '../inspect/choose.ts';
import type { DaemonWatch } from '../inspect/daemon-state.ts';
import { isPassing } from '../inspect/procfs/passing.ts';
import type { Process } from '../inspect/procfs/processes.ts';
import { createSampler, type WatchedEndpoint } from '../inspect/sampler.ts';
import {
  type Endpoint,
  type EndpointLook,
  InspectError,
  type Sample,
  type Sampler,
} from '../inspect/types.ts';
import { nextTargets, type Target, targetKey } from './targets.ts';
import type { FoundDaemon } from './types.ts';

// Finding daemons costs far more than a look, and a listener may come and go all the time.
const shortestGapMs = 1000;

export interface FollowInput {
  /** What to watch at first. */
  readonly targets: readonly Target[];
  readonly lookAt: (target: Target) => Looker;
  readonly daemon: DaemonWatch;
  /** Finds the daemons that run now. */
  readonly find: () => readonly FoundDaemon[];
  /** Why they could not be looked for at first, so that the targets may not be all; else null. */
  readonly notFoundYet: string | null;
  readonly isRunning: (process: Process) => boolean;
  /** Milliseconds since some fixed moment. */
  readonly now: () => number;
  readonly onChange: (change: TargetChange) => void;
}

export interface TargetChange {
  readonly daemons: readonly FoundDaemon[];
  readonly dropped: readonly Target[];
}

/**
 * Makes what takes samples of endpoints that were found. When a listener is no more the
 * daemons are looked up again: another one may have taken the place of the first, and listen
 * elsewhere. Until that is done, be it for the first time, nothing is said to be counted.
 */
export function followEndpoints(input: FollowInput): Sampler {
  const lookers = new Map<string, Looker>();
  const inUse = new Set<string>();
  const listeners = new Map<Endpoint, readonly number[]>();
  let { targets, notFoundYet } = input;
  let lookedUpMs = -Infinity;
  let settled: Sample | undefined;
  let latest: Sample | undefined;

  const watched = (target: Target): WatchedEndpoint => {
    const key = targetKey(target);
    const looker = lookers.get(key) ?? input.lookAt(target);
    lookers.set(key, looker);
    const lookAndNote = (): EndpointLook => {
      const seen = looker.look();
      if (isInUse(seen)) {
        inUse.add(key);
      }
      return seen;
    };
    const { endpoint } = target;
    const isAssumed = target.isAssumed && !inUse.has(key);
    return { endpoint, isAssumed, looker: { ...looker, look: lookAndNote } };
  };
  const samplerOf = (): Sampler => createSampler(targets.map(watched), input.daemon);
  let sampler = samplerOf();

  const hasVanished = ({ looks: seen }: Sample): boolean =>
    seen.some((look) => {
      const now = inodesOf(look);
      const before = listeners.get(look.endpoint) ?? [];
      return now !== null && before.some((inode) => !now.includes(inode));
    });

  const settle = (sample: Sample): Sample => {
    for (const look of sample.looks) {
      const inodes = inodesOf(look);
      if (inodes !== null) {
        listeners.set(look.endpoint, inodes);
      }
    }
    settled = sample;
    return sample;
  };

  const lookUp = (): boolean => {
    const before = targets;
    let daemons: readonly FoundDaemon[] = [];
    try {
      daemons = input.find();
      targets = nextTargets(before, daemons, input.isRunning);
      notFoundYet = null;
    } catch (error) {
      // Where processes can't be read any more, nothing is to be learned, and nothing changes.
      notFoundYet = isPassing(error) ? (error as Error).message : null;
    }
    const keys = targets.map(targetKey);
    const dropped = before.filter((target) => !keys.includes(targetKey(target)));
    input.onChange({ daemons: daemons.filter(({ isListening }) => isListening), dropped });
    return dropped.length > 0 || targets.length > before.length;
  };

  /** After looking the daemons up, unless that was done a moment ago. */
  const takeAnew = (sample: Sample, isKnown: boolean): Sample => {
    const nowMs = input.now();
    if (nowMs - lookedUpMs < shortestGapMs) {
      return isKnown ? sample : uncertain(sample, notFoundYet);
    }
    lookedUpMs = nowMs;
    const isChanged = lookUp();
    if (notFoundYet !== null) {
      return uncertain(sample, notFoundYet);
    }
    sampler = isChanged ? samplerOf() : sampler;
    return settle(isChanged ? sampler.sample() : sample);
  };

  const take = (): Sample => {
    const sample = sampler.sample();
    if (notFoundYet === null && sample === settled) {
      return sample;
    }
    const isKnown = notFoundYet === null && !hasVanished(sample);
    return isKnown && !lacksListener(sample) ? settle(sample) : takeAnew(sample, isKnown);
  };

  return {
    sample() {
      latest = take();
      return latest;
    },
    isUnchanged: () => latest === settled && sampler.isUnchanged(),
    traffic: () => sampler.traffic(),
    endedTraffic: () => sampler.endedTraffic(),
    announcesEnd: (connection) => sampler.announcesEnd(connection),
  };
}

function isInUse(look: EndpointLook): boolean {
  return (
    look.kind === 'seen' &&
    (look.sight.listenerInodes.length > 0 || look.sight.connections.length > 0)
  );
}

/** Null where the endpoint was not seen: its listeners are not known then, rather than none. */
function inodesOf(look: EndpointLook): readonly number[] | null {
  return look.kind === 'seen' ? look.sight.listenerInodes : null;
}

function lacksListener(sample: Sample): boolean {
  return sample.kind === 'failed' && sample.error.code === 'ERR_NO_LISTENER';
}

/** A gone daemon is gone whatever there was; but what is counted may be only a part by now. */
function uncertain(sample: Sample, notFoundYet: string | null): Sample {
  if (sample.kind !== 'counted') {
    return sample;
  }
  const { looks, connections } = sample;
  const error =
    notFoundYet === null
      ? new InspectError(
          'ERR_LISTENER_REPLACED',
          'look for the listener',
          'a listener has been replaced, and where the daemon listens now is not known yet',
        )
      : new InspectError(
          'ERR_NOT_FOUND_YET',
          'look for the daemon',
          `where the daemon listens can't be read (${notFoundYet})`,
        );
  return { kind: 'failed', error, looks, connections };
}
