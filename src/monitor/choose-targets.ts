import { readOwnListeners } from '../backends/procfs/listeners.ts';
import { findProcess, isTransient, type Process } from '../backends/procfs/processes.ts';
import type { ProcessScan } from '../backends/procfs/scan.ts';
import type { Steps } from '../backends/procfs/steps.ts';
import type { BackendName, Endpoint } from '../backends/types.ts';
import { defaultEndpoints, namedEndpoints } from '../options/endpoint.ts';
import type { Environment } from '../options/read.ts';
import { BadValueError } from '../options/values.ts';
import { watchDaemon } from './daemon.ts';
import { type DiscoverOptions, discoverEndpoints, otherNetnsOf } from './discover.ts';
import { createClientSocketsReader, uniqueEndpoints } from './endpoints.ts';
import { notifyFound, notifyNotGiven, notifySkipped } from './notices.ts';
import { createOwnScans, type OwnScan } from './own-daemons.ts';
import { isWatchedAt, type Target, targetsOf } from './targets.ts';
import type { EndpointNotice, FoundDaemon } from './types.ts';
import { type DaemonWatch, watchProcesses } from './watch-processes.ts';

/** The process that was given does not run. */
export class ProcessNotFoundError extends BadValueError {}

/** What to watch, and how to discover it again. */
export interface Watching {
  readonly targets: readonly Target[];
  readonly daemon: DaemonWatch;
  /** Null if the endpoints were given: they stay. */
  readonly find: (() => readonly FoundDaemon[]) | null;
  /** Why discovery has failed for now, so that these may not be all endpoints; null if it has not. */
  readonly notFoundYet: string | null;
}

export interface ChoiceInput {
  /** The endpoints that were given; none where they are to be discovered. */
  readonly addresses: readonly Endpoint[];
  readonly pid: number | null;
  readonly backend: BackendName | 'auto';
  readonly env: Environment;
  readonly procRoot: string;
  readonly inPod: boolean;
  /** Takes these steps after the first poll, after those that were deferred before. */
  readonly defer: (task: Steps<void>) => void;
  readonly notify: (notice: EndpointNotice) => void;
}

/**
 * Chooses the endpoints to watch. Given addresses are the only ones. Otherwise they are what the
 * daemons listen on and what variables name; if no daemon was found, also buildkitd's default addresses.
 *
 * @throws ProcessNotFoundError
 */
export function chooseTargets(input: ChoiceInput): Watching {
  const { procRoot, pid, addresses } = input;
  const process = pid === null ? null : processOf(pid, procRoot);
  // With `--backend procfs` nothing is asked over sock_diag.
  const ownListeners = input.backend === 'procfs' ? undefined : () => readOwnListeners(procRoot);
  const scanAnew = createOwnScans(procRoot);
  const discovery: Discovery = {
    process,
    scanAnew,
    find: (scan = scanAnew(), known = []) =>
      discoverEndpoints(procRoot, { pid: process?.pid, scan, known, ownListeners }),
  };
  return addresses.length > 0
    ? watchGiven(uniqueEndpoints(addresses), discovery, input)
    : watchDiscovered(discovery, input);
}

/** How to find daemons: the one whose process was given, or all that belong here. */
interface Discovery {
  readonly process: Process | null;
  readonly scanAnew: () => OwnScan;
  readonly find: (scan?: ProcessScan, known?: DiscoverOptions['known']) => FoundDaemon[];
}

function processOf(pid: number, procRoot: string): Process {
  const process = findProcess(procRoot, pid);
  if (process === null) {
    throw new ProcessNotFoundError('the pid of a running process', String(pid));
  }
  return process;
}

function watchGiven(
  given: readonly Endpoint[],
  discovery: Discovery,
  input: ChoiceInput,
): Watching {
  const { procRoot, defer, notify } = input;
  const { process } = discovery;
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
  const scan = discovery.scanAnew();
  const daemon = watchOf(discovery, input, { scan, anyDaemon: false });
  // Deferred, since the first poll does not need it.
  defer(reportNotGiven(discovery, scan, targets, notify));
  return { targets, daemon, find: null, notFoundYet: null };
}

function* reportNotGiven(
  { process, find }: Discovery,
  scan: ProcessScan,
  targets: readonly Target[],
  notify: ChoiceInput['notify'],
): Steps<void> {
  let daemons: readonly FoundDaemon[] = [];
  try {
    if (process === null) {
      yield* scan.readDaemons();
    }
    daemons = find(scan);
  } catch {
    // The given addresses are watched in any case.
  }
  for (const found of daemons) {
    notifyNotGiven(found, targets, notify);
  }
}

function watchDiscovered(discovery: Discovery, input: ChoiceInput): Watching {
  const { env, notify } = input;
  const { endpoints: named, ignored } = namedEndpoints(env);
  for (const each of ignored) {
    notify({ kind: 'variable-ignored', ...each });
  }
  const standard = defaultEndpoints(env);
  const known = uniqueEndpoints([...named, ...standard]);
  const scan = discovery.scanAnew();
  const { daemons, failure, notFoundYet } = findOrFail(() => discovery.find(scan, known));
  if (discovery.process === null && failure === null) {
    notifySkipped(scan, notify);
  }
  for (const daemon of daemons) {
    notifyFound(daemon, discovery.process !== null, notify);
  }
  const found = targetsOf(daemons);
  if (daemons.length === 0) {
    const endpoints = known.map(({ address }) => address);
    const isTriedAgain = notFoundYet !== null;
    notify({ kind: 'daemon-not-found', reason: failure, isTriedAgain, endpoints });
  }
  return {
    targets: [...found, ...spareTargets(found, found.length === 0 ? known : named)],
    daemon: watchOf(discovery, input, { scan, anyDaemon: true }),
    find: () => discovery.find(undefined, known),
    notFoundYet,
  };
}

function watchOf(
  { process, scanAnew }: Discovery,
  { procRoot, inPod, defer }: ChoiceInput,
  options: { readonly scan: ProcessScan; readonly anyDaemon: boolean },
): DaemonWatch {
  const socketsOf = createClientSocketsReader(procRoot);
  return process === null
    ? watchDaemon(procRoot, inPod, { ...options, scanAnew, socketsOf, defer })
    : watchProcesses(procRoot, [process], socketsOf);
}

/** Endpoints that a daemon may listen on besides those found. */
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
