import { readOwnListeners } from '../backends/procfs/listeners.ts';
import { findProcess, isTransient, type Process } from '../backends/procfs/processes.ts';
import type { ProcessScan } from '../backends/procfs/scan.ts';
import type { Endpoint } from '../backends/types.ts';
import { defaultEndpoints, namedEndpoints } from '../options/endpoint.ts';
import { type Environment, parseFrom } from '../options/read.ts';
import type { EndpointOptionValues } from '../options/table.ts';
import { BadValueError } from '../options/values.ts';
import { watchDaemon } from './daemon.ts';
import { type FindOptions, findEndpoints, otherNetnsOf } from './discover.ts';
import { createClientSocketsReader, uniqueEndpoints } from './endpoints.ts';
import { notifyFound, notifyNotGiven, notifySkipped } from './notices.ts';
import { createOwnScans, type OwnScan } from './own-daemons.ts';
import { isWatchedAt, type Target, targetsOf } from './targets.ts';
import type { EndpointNotice, FoundDaemon } from './types.ts';
import { type DaemonWatch, watchProcesses } from './watch-processes.ts';

/** What to watch, and how to find out about it anew. */
export interface Watching {
  readonly targets: readonly Target[];
  readonly daemon: DaemonWatch;
  /** Null where the endpoints were given: they stay. */
  readonly find: (() => readonly FoundDaemon[]) | null;
  /** Why the endpoints could not be looked for yet, so that these may not be all; null where they were. */
  readonly notFoundYet: string | null;
}

interface MonitorContext {
  readonly procRoot: string;
  readonly inPod: boolean;
  readonly env: Environment;
  readonly defer: (task: () => void) => void;
  readonly notify: (notice: EndpointNotice) => void;
}

/**
 * The endpoints to watch: those of `--addr` and no others, else all that the daemon listens on and
 * what variables name beside; where no daemon is in sight, also what buildkitd listens on when it is
 * told nothing.
 *
 * @throws UsageError
 */
export function chooseTargets(options: EndpointOptionValues, place: MonitorContext): Watching {
  const { procRoot } = place;
  const process = options.pid === null ? null : processOf(options.pid, place);
  // Who does not want sock-diag gets nothing by it.
  const ownListeners = options.backend === 'procfs' ? undefined : () => readOwnListeners(procRoot);
  const scanAnew = createOwnScans(procRoot);
  const snapshot: Discovery = {
    process,
    scanAnew,
    find: (scan = scanAnew(), known = []) =>
      findEndpoints(procRoot, { pid: process?.pid, scan, known, ownListeners }),
  };
  return options.addr.length > 0
    ? watchGiven(uniqueEndpoints(options.addr), snapshot, place)
    : watchFound(snapshot, place);
}

/** What is to be seen of daemons: of one whose process was given, or of all that belong here. */
interface Discovery {
  readonly process: Process | null;
  readonly scanAnew: () => OwnScan;
  readonly find: (scan?: ProcessScan, known?: FindOptions['known']) => FoundDaemon[];
}

function processOf(pid: number, { procRoot }: MonitorContext): Process {
  return parseFrom('--pid', () => {
    const process = findProcess(procRoot, pid);
    if (process === null) {
      throw new BadValueError('the pid of a running process', String(pid));
    }
    return process;
  });
}

function watchGiven(
  given: readonly Endpoint[],
  snapshot: Discovery,
  place: MonitorContext,
): Watching {
  const { procRoot, defer, notify } = place;
  const { process } = snapshot;
  const otherNetns = process === null ? null : otherNetnsOf(procRoot, process.pid);
  if (process !== null && otherNetns !== null) {
    notify({ kind: 'daemon-in-other-netns', pid: process.pid });
  }
  const targets = given.map((endpoint) => ({
    endpoint,
    isAssumed: false,
    otherNetns:
      process === null || otherNetns === null
        ? null
        : { netDirectory: otherNetns.netDirectory, process },
    owners: [],
  }));
  const scan = snapshot.scanAnew();
  const daemon = watchOf(snapshot, place, { scan, anyDaemon: false });
  // Not before the first look, which does not need it.
  defer(() => {
    const { daemons } = findOrFail(() => snapshot.find(scan));
    for (const found of daemons) {
      notifyNotGiven(found, targets, notify);
    }
  });
  return { targets, daemon, find: null, notFoundYet: null };
}

function watchFound(snapshot: Discovery, place: MonitorContext): Watching {
  const { env, notify } = place;
  const { endpoints: named, ignored } = namedEndpoints(env);
  for (const each of ignored) {
    notify({ kind: 'variable-ignored', ...each });
  }
  const standard = defaultEndpoints(env);
  const known = uniqueEndpoints([...named, ...standard]);
  const scan = snapshot.scanAnew();
  const { daemons, failure, notFoundYet } = findOrFail(() => snapshot.find(scan, known));
  if (snapshot.process === null && failure === null) {
    notifySkipped(scan, notify);
  }
  for (const daemon of daemons) {
    notifyFound(daemon, snapshot.process !== null, notify);
  }
  const found = targetsOf(daemons);
  if (daemons.length === 0) {
    const endpoints = known.map(({ address }) => address);
    const isTriedAgain = notFoundYet !== null;
    notify({ kind: 'daemon-not-found', reason: failure, isTriedAgain, endpoints });
  }
  return {
    targets: [...found, ...spareTargets(found, found.length === 0 ? known : named)],
    daemon: watchOf(snapshot, place, { scan, anyDaemon: true }),
    find: () => snapshot.find(undefined, known),
    notFoundYet,
  };
}

function watchOf(
  { process, scanAnew }: Discovery,
  { procRoot, inPod, defer }: MonitorContext,
  options: { readonly scan: ProcessScan; readonly anyDaemon: boolean },
): DaemonWatch {
  const socketsOf = createClientSocketsReader(procRoot);
  return process === null
    ? watchDaemon(procRoot, inPod, { ...options, scanAnew, socketsOf, defer })
    : watchProcesses(procRoot, [process], socketsOf);
}

/** What may be listened on beside what was found. */
function spareTargets(found: readonly Target[], spare: readonly Endpoint[]): Target[] {
  return spare
    .filter((endpoint) => !found.some((target) => isWatchedAt(target, endpoint)))
    .map((endpoint) => ({ endpoint, isAssumed: true, otherNetns: null, owners: [] }));
}

function findOrFail(find: () => FoundDaemon[]): {
  daemons: readonly FoundDaemon[];
  failure: string | null;
  notFoundYet: string | null;
} {
  try {
    return { daemons: find(), failure: null, notFoundYet: null };
  } catch (error) {
    const failure = (error as Error).message;
    return { daemons: [], failure, notFoundYet: isTransient(error) ? failure : null };
  }
}
