import { elsewhereOf, type FindOptions, findEndpoints } from '../endpoints/find.ts';
import { placeOf } from '../endpoints/match.ts';
import { type Target, targetsOf } from '../endpoints/targets.ts';
import type { EndpointNotice, FoundDaemon } from '../endpoints/types.ts';
import { type DaemonWatch, watchDaemon } from '../inspect/daemon.ts';
import { readOwnListeners } from '../inspect/own-listeners.ts';
import { isPassing } from '../inspect/procfs/passing.ts';
import { findProcess, type Process } from '../inspect/procfs/processes.ts';
import { type ProcessScan, scanProcesses } from '../inspect/procfs/scan.ts';
import type { Endpoint } from '../inspect/types.ts';
import { watchProcesses } from '../inspect/watch-processes.ts';
import { BadValueError } from '../options/bad-value.ts';
import { assumedEndpoints, givenEndpoints, scriptEndpoint } from '../options/endpoints.ts';
import { type Environment, parseFrom } from '../options/read-options.ts';
import type { WhereOptionValues } from '../options/wait-options.ts';
import { tellOf } from './tell.ts';

/** What to watch, and how to find out about it anew. */
export interface Watching {
  readonly targets: readonly Target[];
  readonly daemon: DaemonWatch;
  /** Null where the endpoints were given: they stay. */
  readonly find: (() => readonly FoundDaemon[]) | null;
  /** Why the endpoints could not be looked for yet, so that these may not be all; null where they were. */
  readonly notFoundYet: string | null;
}

interface Place {
  readonly procRoot: string;
  readonly inPod: boolean;
  readonly env: Environment;
  readonly defer: (task: () => void) => void;
  readonly notify: (notice: EndpointNotice) => void;
}

/**
 * The endpoints to watch: those that were given, else what the daemon listens on, else what
 * buildkitd listens on when it is told nothing.
 *
 * @throws UsageError
 */
export function chooseTargets(options: WhereOptionValues, place: Place): Watching {
  const given = givenEndpoints(options.addr, place.env);
  const process = options.pid === null ? null : processOf(options.pid, place);
  // Who does not want sock-diag gets nothing by it.
  const ownListeners =
    options.inspector === 'procfs' ? undefined : () => readOwnListeners(place.procRoot);
  return given.length > 0
    ? watchGiven(given, process, place)
    : watchFound(process, place, ownListeners);
}

function processOf(pid: number, { procRoot }: Place): Process {
  return parseFrom('--pid', () => {
    const process = findProcess(procRoot, pid);
    if (process === null) {
      throw new BadValueError('the pid of a running process', String(pid));
    }
    return process;
  });
}

function watchGiven(given: readonly Endpoint[], process: Process | null, place: Place): Watching {
  const { procRoot, inPod, defer, notify } = place;
  const elsewhere = process === null ? null : elsewhereOf(procRoot, process.pid);
  if (process !== null && elsewhere !== null) {
    notify({ kind: 'daemon-elsewhere', pid: process.pid });
  }
  const targets = given.map((endpoint) => ({
    endpoint,
    isAssumed: false,
    elsewhere:
      process === null || elsewhere === null
        ? null
        : { netDirectory: elsewhere.netDirectory, process },
    owners: [],
  }));
  const daemon =
    process === null
      ? watchDaemon(procRoot, inPod, { defer })
      : watchProcesses(procRoot, [process]);
  return { targets, daemon, find: null, notFoundYet: null };
}

function watchFound(
  process: Process | null,
  place: Place,
  ownListeners: FindOptions['ownListeners'],
): Watching {
  const { procRoot, inPod, env, defer, notify } = place;
  const assumed = assumedEndpoints(env);
  const pid = process?.pid;
  const find = (scan?: ProcessScan): FoundDaemon[] =>
    findEndpoints(procRoot, { pid, scan, known: assumed, ownListeners });
  const scan = scanProcesses(procRoot);
  const { daemons, failure, notFoundYet } = findOrFail(() => find(scan));
  for (const daemon of daemons) {
    tellOf(daemon, process !== null, notify);
  }
  const found = targetsOf(daemons);
  if (daemons.length === 0) {
    const endpoints = assumed.map(({ address }) => address);
    const isTriedAgain = notFoundYet !== null;
    notify({ kind: 'daemon-not-found', reason: failure, isTriedAgain, endpoints });
  }
  return {
    targets: [...found, ...spareTargets(found, assumed, scriptEndpoint(env))],
    daemon:
      process === null
        ? watchDaemon(procRoot, inPod, { scan, defer, anyDaemon: true })
        : watchProcesses(procRoot, [process]),
    find,
    notFoundYet,
  };
}

/** What may be listened on beside what was found. */
function spareTargets(
  found: readonly Target[],
  assumed: readonly Endpoint[],
  ofScript: Endpoint | null,
): Target[] {
  const isFound = (endpoint: Endpoint): boolean =>
    found.some((target) => placeOf(target.endpoint) === placeOf(endpoint));
  const spare = found.length === 0 ? assumed : ofScript === null ? [] : [ofScript];
  return spare
    .filter((endpoint) => !isFound(endpoint))
    .map((endpoint) => ({ endpoint, isAssumed: true, elsewhere: null, owners: [] }));
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
    return { daemons: [], failure, notFoundYet: isPassing(error) ? failure : null };
  }
}
