import { isRunning } from '../backends/procfs/processes.ts';
import type { Backend, Connection, Endpoint, Sample, Sampler } from '../backends/types.ts';
import { createBackends, withFallback } from '../backends/with-fallback.ts';
import type { Environment } from '../options/read.ts';
import type { EndpointOptionValues, PeerOptionValues } from '../options/table.ts';
import { chooseTargets } from './choose-targets.ts';
import { isInPod } from './container.ts';
import { listenersOf } from './evaluate.ts';
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
  /** What is polled, and by which backends, the preferred one first. */
  readonly watched: () => readonly WatchedTarget[];
  /** Calls back soon after a connection has ended, where the kernel tells of it. */
  readonly onEnd: (callback: () => void) => void;
  /** The daemons that a sample has seen to listen, and where each can be asked. */
  readonly daemonsOf: (sample: Sample) => readonly ReachableDaemon[];
  /** At least this many connections have come and gone between two polls. */
  readonly seenBetweenPolls: () => number;
  readonly close: () => void;
}

interface WatchedTarget {
  readonly target: Target;
  readonly backends: readonly Backend[];
}

/** Puts together what takes samples, as the options ask for it. @throws UsageError */
export function openMonitor(
  options: EndpointOptionValues,
  env: Environment,
  notify: (notice: MonitorNotice) => void,
): Monitor {
  const ours = createBackends(options.backend, procRoot);
  let isClosed = false;

  const backendsOf = ({ otherNetns }: Target): readonly Backend[] =>
    otherNetns === null
      ? ours
      : [createOtherNetnsBackend(procRoot, otherNetns.netDirectory, otherNetns.process)];
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
  const sampler = createSampler({
    targets,
    open: (target) => withFallback(target.endpoint, backendsOf(target), notify),
    daemon,
    rediscovery: find && {
      find,
      notFoundYet,
      isRunning: (process) => isRunning(procRoot, process),
      onChange: notifyChanges(targets, options.pid !== null, notify),
    },
    now: () => performance.now(),
    onListenerGone,
  });

  /** Each with its owners: if its address was given, they are known by its listeners. */
  const listeningTargets = ({ results }: Sample): ListeningTarget[] =>
    results.flatMap((result) => {
      const target = sampler.targets().find(({ endpoint }) => endpoint === result.endpoint);
      const listeners = listenersOf(result);
      if (listeners.length === 0 || !target) {
        return [];
      }
      const owners = target.owners.length > 0 ? target.owners : daemon.ownersOf(listeners);
      return [{ target: { ...target, owners }, listeners }];
    });

  return {
    sampler,
    watched: () => sampler.targets().map((target) => ({ target, backends: backendsOf(target) })),
    onEnd: (callback) => sampler.onEnd(atMostEvery(shortestWakeMs, callback)),
    daemonsOf: (sample) => groupByDaemon(procRoot, listeningTargets(sample)),
    seenBetweenPolls: sampler.seenBetweenPolls,
    close() {
      isClosed = true;
      sampler.close();
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

/** Which connections count as clients. */
export function clientsOnly(
  options: PeerOptionValues,
): (peer: Pick<Connection, 'peerAddress'>) => boolean {
  const isIgnored = options['ignore-peer'];
  return ({ peerAddress }) => peerAddress === null || !isIgnored(peerAddress);
}
