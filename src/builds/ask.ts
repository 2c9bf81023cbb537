import { codeOf } from '../grpc/errors.ts';
import { type SessionInput, withConnection } from '../grpc/session.ts';
import type { GrpcConnection } from '../grpc/types.ts';
import { askError } from './answers.ts';
import {
  type BuildEvent,
  type DaemonVersion,
  decodeBuildEvent,
  info,
  listenBuildHistory,
  listenLatestRecord,
} from './control.ts';
import type { Build, BuildsKnown } from './types.ts';
import { alwaysKeepsHistory, askForVersion, countsRightly, named } from './version.ts';

// How many records are read of a daemon that sends all of them.
const mostRecords = 50;

/**
 * Asks once which builds are running.
 *
 * @param namesBuilds whether this daemon is known to name its running builds, so that "none" needs no other proof.
 * @throws BackendError, or the signal's reason
 */
export function askDaemon(input: SessionInput, namesBuilds: boolean): Promise<BuildsKnown> {
  return withConnection(input, (connection) => askForBuilds(connection, namesBuilds));
}

/** Asks once whether the daemon answers. @throws BackendError, or the signal's reason */
export function askForLife(input: SessionInput): Promise<void> {
  return withConnection(input, callInfo);
}

/** A daemon before v0.11 does not know the method, and its reply says so. */
async function callInfo({ call }: GrpcConnection): Promise<void> {
  try {
    await call(info);
  } catch (error) {
    if (codeOf(error) !== 'ERR_UNIMPLEMENTED') {
      throw error;
    }
  }
}

async function askForBuilds({ call }: GrpcConnection, namesBuilds: boolean): Promise<BuildsKnown> {
  const version = namesBuilds ? null : await askForVersion(call);
  const active = (await call(listenBuildHistory)).map(decodeBuildEvent);
  if (runningIn(active).length > 0) {
    return { kind: 'known', builds: runningIn(active), lastEndedAtMs: null };
  }
  const mayBeSilent = version !== null && !alwaysKeepsHistory(trusted(version));
  const past = await call(listenLatestRecord, mostRecords);
  if (past.length === 0 && mayBeSilent) {
    throw askError(
      'ERR_NO_HISTORY',
      'the daemon names no build, which is not accepted: it has no record of a finished build either, and ' +
        'in its version the history can be switched off, which hides all builds',
    );
  }
  // A build that has just started is among them, and is running.
  const events = past.map(decodeBuildEvent);
  return { kind: 'known', builds: runningIn(events), lastEndedAtMs: lastEndIn(events) };
}

function runningIn(events: readonly BuildEvent[]): readonly Build[] {
  return events.flatMap((event) => (event.kind === 'running' ? [event.build] : []));
}

function lastEndIn(events: readonly BuildEvent[]): number | null {
  const ends = events.flatMap((event) => (event.kind === 'ended' ? (event.atMs ?? []) : []));
  return ends.length === 0 ? null : Math.max(...ends);
}

/** The same version. @throws BackendError where it is not known to name all builds */
function trusted(version: DaemonVersion): DaemonVersion {
  if (!countsRightly(version)) {
    throw askError(
      'ERR_ZERO_NOT_TRUSTED',
      `the daemon names no build, which is not accepted: ${named(version)} is not known to name all builds; ` +
        'it is from buildkitd v0.12.4 and later',
    );
  }
  return version;
}
