import { isRunning, type Process } from '../backends/procfs/processes.ts';
import { createProcfsBackend } from '../backends/procfs/procfs.ts';
import type { Steps } from '../backends/procfs/steps.ts';
import type {
  Backend,
  BackendName,
  Endpoint,
  EndpointSnapshot,
  Sample,
  Sampler,
  SampleSource,
} from '../backends/types.ts';
import { createBackends, withFallback } from '../backends/with-fallback.ts';
import type { ListeningDaemon } from '../builds/types.ts';
import type { Environment } from '../options/read.ts';
import { chooseTargets } from './choose-targets.ts';
import { isInPod } from './container.ts';
import { listenersOf } from './evaluate.ts';
import { takeInSlices } from './in-slices.ts';
import { notifyChanges } from './notices.ts';
import { createSampler } from './sampler.ts';
import { groupByDaemon, type ListeningTarget, type Target } from './targets.ts';
import type { MonitorNotice } from './types.ts';

export const procRoot = '/proc';

export interface MonitorOptions {
  /** The endpoints to monitor. If there are none, the daemons are discovered, and followed. */
  readonly addresses: readonly Endpoint[];
  /** The daemon's process; null for all processes called buildkitd that belong here. */
  readonly pid: number | null;
  readonly backend: BackendName | 'auto';
  /** Where the variables are that name endpoints, and those that tell a pod. */
  readonly env: Environment;
  /** Receives what is worth knowing about which endpoints are polled, and how. */
  readonly notify: (notice: MonitorNotice) => void;
  /** How long discovered listeners may go unchecked for further ones; by default one to five seconds. */
  readonly trustMs?: number;
}

/** Takes samples of the endpoints of one or more daemons. */
export interface Monitor extends SampleSource, Disposable {
  /** Sets what to call soon after a connection has ended, where the kernel reports that. */
  readonly onEnd: (callback: () => void) => void;
  /**
   * The daemons that listened at the time of a sample, and where each can be asked. The first answer comes
   * once the processes have been searched for the listeners' owners; after `close` there are none.
   */
  readonly daemonsOf: (sample: Sample) => Promise<readonly ListeningDaemon[]>;
  /** At least this many connections have come and gone between two polls. */
  readonly seenBetweenPolls: () => number;
  /** Frees the descriptors. A second call does nothing. */
  readonly close: () => void;
}

/** A monitor that also says how it polls. */
export interface OpenMonitor extends Monitor, Sampler {
  /** What is polled, and by which backends, the preferred one first. */
  readonly watched: () => readonly WatchedTarget[];
  /** The processes with these listeners, as far as they can be seen. */
  readonly ownersOf: (listeners: readonly number[]) => readonly Process[];
}

interface WatchedTarget {
  readonly target: Target;
  readonly backends: readonly Backend[];
}

/** @throws ProcessNotFoundError */
export function openMonitor(options: MonitorOptions): OpenMonitor {
  const { addresses, pid, backend, env, notify, trustMs } = options;
  const ours = createBackends(backend, procRoot);
  const deferred: Steps<void>[] = [];
  let isClosed = false;

  const backendsOf = ({ otherNetns }: Target): readonly Backend[] =>
    otherNetns === null ? ours : [createOtherNetnsBackend(otherNetns)];
  const { targets, daemon, find, notFoundYet } = chooseTargets({
    ...{ addresses, pid, backend, env, notify, procRoot },
    inPod: isInPod(env),
    defer: (task) => deferred.push(task),
  });
  const { targets: current, ...sampler } = createSampler({
    targets,
    open: (target) => withFallback(target.endpoint, backendsOf(target), notify),
    daemon,
    rediscovery: find && {
      find,
      notFoundYet,
      isRunning: (process) => isRunning(procRoot, process),
      onChange: notifyChanges(targets, pid !== null, notify),
    },
    trustMs,
    now: () => performance.now(),
    onListenerGone: (silent) =>
      notify({ kind: 'listener-gone', endpoints: silent.map(({ address }) => address) }),
  });

  // A command that polls once may have ended by then.
  const searched = takeInSlices(allOf(deferred), () => isClosed);

  /** With their owners, which are known by the listeners if the addresses were given. */
  const listeningTargets = ({ results }: Sample): ListeningTarget[] =>
    results.flatMap((result) => {
      const target = current().find(({ endpoint }) => endpoint === result.endpoint);
      const listeners = listenersOf(result);
      if (listeners.length === 0 || !target) {
        return [];
      }
      const owners = target.owners.length > 0 ? target.owners : daemon.ownersOf(listeners);
      return [{ target: { ...target, owners }, listeners }];
    });

  const close = (): void => {
    isClosed = true;
    sampler.close();
  };

  return {
    ...sampler,
    ownersOf: daemon.ownersOf,
    watched: () => current().map((target) => ({ target, backends: backendsOf(target) })),
    onEnd: (callback) => sampler.onEnd(atMostEvery(shortestWakeMs, callback)),
    async daemonsOf(sample) {
      await searched;
      return isClosed ? [] : groupByDaemon(procRoot, listeningTargets(sample));
    },
    close,
    [Symbol.dispose]: close,
  };
}

function* allOf(tasks: readonly Steps<void>[]): Steps<void> {
  for (const task of tasks) {
    yield* task;
  }
}

// Where connections come and go all the time, their ends must not trigger polls all the time.
export const shortestWakeMs = 5;

export function atMostEvery(pauseMs: number, callback: () => void): () => void {
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

// The revisions of procfs begin at 1.
const noSockets: EndpointSnapshot = { revision: -1, listenerInodes: [], connections: [] };

/**
 * The backend for endpoints in the network namespace of another process. It reads the tables there,
 * and for unix sockets ours as well: the kernel lists an accepted one in the namespace of its client.
 *
 * Once the process is dead, its namespace can no longer be reached, and its sockets are closed: the
 * answer then is no listener and no connection.
 */
function createOtherNetnsBackend({
  netDirectory,
  process,
}: NonNullable<Target['otherNetns']>): Backend {
  return {
    name: 'procfs',
    open(endpoint) {
      const theirs = createProcfsBackend(netDirectory).open(endpoint);
      const ours =
        endpoint.kind === 'unix' ? createProcfsBackend(`${procRoot}/net`).open(endpoint) : null;
      const poll = (): EndpointSnapshot => {
        const there = theirs.poll();
        const here = ours?.poll() ?? noSockets;
        return {
          revision: there.revision + here.revision,
          listenerInodes: [...there.listenerInodes, ...here.listenerInodes],
          connections: [...there.connections, ...here.connections],
        };
      };
      return {
        poll: () => (isRunning(procRoot, process) ? poll() : noSockets),
        close() {
          theirs.close();
          ours?.close();
        },
      };
    },
  };
}
