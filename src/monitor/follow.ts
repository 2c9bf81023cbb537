import {
  BackendError,
  type Endpoint,
  type EndpointResult,
  type Sample,
  type Sampler,
} from '../backends/types.ts';
import type { EndpointPoller } from '../backends/with-fallback.ts';
import type { DaemonWatch } from './daemon-state.ts';
import { createRediscovery, type RediscoveryInput } from './rediscover.ts';
import { createSampler, type WatchedEndpoint } from './sampler.ts';
import { type Target, targetKey } from './targets.ts';

// Finding daemons costs far more than a look, and a listener may come and go all the time.
const shortestGapMs = 1000;

// Daemons may open further listeners, which nothing tells of. What may soon be quiet matters most.
const longestTrustMs = { withoutConnections: shortestGapMs, withConnections: 5000 } as const;

export interface FollowInput extends RediscoveryInput {
  readonly lookAt: (target: Target) => EndpointPoller;
  readonly daemon: DaemonWatch;
  /** Milliseconds since some fixed moment. */
  readonly now: () => number;
  /** As of `createSampler`. */
  readonly onListenerGone: (silent: readonly Endpoint[]) => void;
}

/**
 * Makes what takes samples of endpoints that were found. When a listener is no more the
 * daemons are looked up again: another one may have taken the place of the first, and listen
 * elsewhere. Until that is done, be it for the first time, nothing is said to be counted. They are
 * also looked up again now and then while all is well: a daemon may listen on more than before.
 */
export function followEndpoints(input: FollowInput): Sampler {
  const listeners = new Map<Endpoint, readonly number[]>();
  const found = createRediscovery(input);
  const { samplerOf, forgetUse } = createSamplers(input);
  let lookedUpMs = -Infinity;
  let trustedFromMs = input.now();
  let settled: Sample | undefined;
  let latest: Sample | undefined;
  let sampler = samplerOf(input.targets);

  const hasVanished = ({ results: seen }: Sample): boolean =>
    seen.some((result) => {
      const now = inodesOf(result);
      const before = listeners.get(result.endpoint) ?? [];
      return now !== null && before.some((inode) => !now.includes(inode));
    });

  const settle = (sample: Sample): Sample => {
    for (const result of sample.results) {
      const inodes = inodesOf(result);
      if (inodes !== null) {
        listeners.set(result.endpoint, inodes);
      }
    }
    settled = sample;
    return sample;
  };

  /** After looking the daemons up, unless that was done a moment ago. */
  const takeAnew = (sample: Sample, isKnown: boolean): Sample => {
    const nowMs = input.now();
    if (nowMs - lookedUpMs < shortestGapMs) {
      return isKnown ? sample : uncertain(sample, found.notFoundYet());
    }
    lookedUpMs = nowMs;
    trustedFromMs = nowMs;
    const before = found.targets();
    const isChanged = found.again();
    if (found.notFoundYet() !== null) {
      return uncertain(sample, found.notFoundYet());
    }
    if (isChanged) {
      forgetUse(before);
      sampler = samplerOf(found.targets());
    }
    const now = settle(isChanged ? sampler.sample() : sample);
    // Whoever comes after it may have only begun: quiet starts over.
    return !isKnown && lacksListener(now) ? uncertain(now, null) : now;
  };

  const mayBeMore = (sample: Sample): boolean => {
    const { withConnections, withoutConnections } = longestTrustMs;
    return (
      sample.kind === 'counted' &&
      input.now() - trustedFromMs >=
        (sample.connections.length > 0 ? withConnections : withoutConnections)
    );
  };

  const take = (): Sample => {
    const sample = sampler.sample();
    const isKnown = found.notFoundYet() === null && (sample === settled || !hasVanished(sample));
    return isKnown && !lacksListener(sample) && !mayBeMore(sample)
      ? settle(sample)
      : takeAnew(sample, isKnown);
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

/** Makes samplers of targets, each knowing which of them something was seen on by those before. */
function createSamplers({ lookAt, daemon, isRunning, onListenerGone }: FollowInput) {
  const pollers = new Map<string, EndpointPoller>();
  const inUse = new Set<string>();

  const watched = (target: Target): WatchedEndpoint => {
    const key = targetKey(target);
    const poller = pollers.get(key) ?? lookAt(target);
    pollers.set(key, poller);
    const lookAndNote = (): EndpointResult => {
      const seen = poller.poll();
      if (isInUse(seen)) {
        inUse.add(key);
      }
      return seen;
    };
    const { endpoint, owners } = target;
    const isAssumed = target.isAssumed && !inUse.has(key);
    return { endpoint, isAssumed, poller: { ...poller, poll: lookAndNote }, owners };
  };

  return {
    samplerOf: (targets: readonly Target[]): Sampler =>
      createSampler(targets.map(watched), daemon, onListenerGone),
    /** Where whoever was seen there is dead, the next daemon may listen, and need not. */
    forgetUse(before: readonly Target[]): void {
      for (const target of before) {
        if (target.owners.length > 0 && !target.owners.some(isRunning)) {
          inUse.delete(targetKey(target));
        }
      }
    },
  };
}

function isInUse(result: EndpointResult): boolean {
  return (
    result.kind === 'polled' &&
    (result.snapshot.listenerInodes.length > 0 || result.snapshot.connections.length > 0)
  );
}

/** Null where the endpoint was not seen: its listeners are not known then, rather than none. */
function inodesOf(result: EndpointResult): readonly number[] | null {
  return result.kind === 'polled' ? result.snapshot.listenerInodes : null;
}

/** Whether an endpoint has no listener, be its clients counted or not. */
function lacksListener(sample: Sample): boolean {
  return sample.kind === 'failed'
    ? sample.error.code === 'ERR_NO_LISTENER'
    : sample.kind === 'counted' && sample.results.some((result) => inodesOf(result)?.length === 0);
}

/** A gone daemon is gone whatever there was; but what is counted may be only a part by now. */
function uncertain(sample: Sample, notFoundYet: string | null): Sample {
  if (sample.kind !== 'counted') {
    return sample;
  }
  const { results, connections } = sample;
  const error =
    notFoundYet === null
      ? new BackendError(
          'ERR_LISTENER_REPLACED',
          'look for the listener',
          'a listener is no more, and where the daemon listens now is not known yet',
        )
      : new BackendError(
          'ERR_NOT_FOUND_YET',
          'look for the daemon',
          `where the daemon listens can't be read (${notFoundYet})`,
        );
  return { kind: 'failed', error, results, connections };
}
