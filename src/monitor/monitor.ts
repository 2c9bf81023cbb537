import { createBackends } from '../backends/create-backends.ts';
import { isRunning } from '../backends/procfs/processes.ts';
import type { Backend, Connection, Endpoint, Sample, Sampler } from '../backends/types.ts';
import { type EndpointPoller, withFallback } from '../backends/with-fallback.ts';
import type { Environment } from '../options/read-options.ts';
import type { LookOptionValues, WhereOptionValues } from '../options/wait-options.ts';
import { chooseTargets } from './choose-targets.ts';
import { isInPod } from './container.ts';
import { followEndpoints } from './follow.ts';
import { listenersOf } from './judge.ts';
import { notifyChanges } from './notices.ts';
import { createOtherNetnsBackend } from './other-netns.ts';
import { createSampler } from './sampler.ts';
import {
  groupByDaemon,
  type ListeningTarget,
  type ReachableDaemon,
  type Target,
} from './targets.ts';
import type { MonitorNotice } from './types.ts';

export const procRoot = '/proc';

export interface Monitor {
  readonly sampler: Sampler;
  /** What is looked at, each with its means of looking, the preferred one first. */
  readonly looking: readonly Looking[];
  /** Calls back soon after a connection has ended, where the kernel tells of it. */
  readonly onEnd: (callback: () => void) => void;
  /** The daemons that a sample has seen to listen, and where each can be asked. */
  readonly daemonsOf: (sample: Sample) => readonly ReachableDaemon[];
  /** Connections that came and went without any look having seen them: at least so many. */
  readonly seenBetweenPolls: () => number;
  readonly close: () => void;
}

interface Looking {
  readonly target: Target;
  readonly backends: readonly Backend[];
}

/** Puts together what takes samples, as the options ask for it. @throws UsageError */
export function openMonitor(
  options: WhereOptionValues,
  env: Environment,
  notify: (notice: MonitorNotice) => void,
): Monitor {
  const ours = createBackends(options.backend, procRoot);
  const looking: Looking[] = [];
  let isClosed = false;
  let wake: (() => void) | undefined;

  const lookAt = (target: Target): EndpointPoller => {
    const { endpoint, otherNetns } = target;
    const backends =
      otherNetns === null
        ? ours
        : [createOtherNetnsBackend(procRoot, otherNetns.netDirectory, otherNetns.process)];
    const added = { target, backends };
    looking.push(added);
    if (wake !== undefined) {
      tellOfEnds(added, wake);
    }
    return withFallback(endpoint, backends, notify);
  };
  const { targets, daemon, find, notFoundYet } = chooseTargets(options, {
    procRoot,
    inPod: isInPod(env),
    env,
    // A command that looks once has ended by then.
    defer: (task) => queueMicrotask(() => isClosed || task()),
    notify,
  });
  const onListenerGone = (silent: readonly Endpoint[]): void =>
    notify({ kind: 'listener-gone', endpoints: silent.map(({ address }) => address) });
  const sampler =
    find === null
      ? createSampler(
          targets.map((target) => {
            const { endpoint, isAssumed } = target;
            return { endpoint, isAssumed, poller: lookAt(target) };
          }),
          daemon,
          onListenerGone,
        )
      : followEndpoints({
          targets,
          lookAt,
          daemon,
          find,
          notFoundYet,
          isRunning: (process) => isRunning(procRoot, process),
          now: () => performance.now(),
          onChange: notifyChanges(targets, options.pid !== null, notify),
          onListenerGone,
        });

  /** Each with its owners: where its address was given, they are known by its listeners. */
  const listeningTargets = ({ results }: Sample): ListeningTarget[] =>
    results.flatMap((result) => {
      const found = looking.find(({ target }) => target.endpoint === result.endpoint);
      const listeners = listenersOf(result);
      if (listeners.length === 0 || !found) {
        return [];
      }
      const { target } = found;
      const owners = target.owners.length > 0 ? target.owners : daemon.ownersOf(listeners);
      return [{ target: { ...target, owners }, listeners }];
    });

  return {
    sampler,
    looking,
    onEnd(callback) {
      wake = atMostEvery(shortestWakeMs, callback);
      for (const each of looking) {
        tellOfEnds(each, wake);
      }
    },
    daemonsOf: (sample) => groupByDaemon(procRoot, listeningTargets(sample)),
    seenBetweenPolls() {
      const counts = looking.flatMap(({ target, backends }) =>
        backends.map((backend) => backend.seenBetweenPolls?.(target.endpoint) ?? 0),
      );
      return counts.reduce((sum, count) => sum + count, 0);
    },
    close() {
      isClosed = true;
      for (const backend of ours) {
        backend.close();
      }
    },
  };
}

// Where many connections come and go, their ends must not make the loop look all the time.
const shortestWakeMs = 5;

function atMostEvery(pauseMs: number, callback: () => void): () => void {
  let isDue = false;
  const call = (): void => {
    isDue = false;
    callback();
  };
  return () => {
    if (!isDue) {
      isDue = true;
      setTimeout(call, pauseMs).unref();
    }
  };
}

// The ends of connections only save time: where they can't be had, the next look finds out.
function tellOfEnds({ target, backends }: Looking, callback: () => void): void {
  for (const backend of backends) {
    try {
      backend.onEnd?.(target.endpoint, callback);
    } catch {}
  }
}

/** Which connections count as clients. */
export function clientsOnly(
  options: LookOptionValues,
): (peer: Pick<Connection, 'peerAddress'>) => boolean {
  const isIgnored = options['ignore-peer'];
  return ({ peerAddress }) => peerAddress === null || !isIgnored(peerAddress);
}
