import type { Build } from '../builds/types.ts';
import type { TrackedConnection } from '../drain/tracked.ts';
import type { DrainConfig, DrainStatus } from '../drain/types.ts';
import {
  atLeast,
  clientsAreConnected,
  connectionName,
  formatDuration,
  listed,
  namesOf,
  shortDuration,
} from './words.ts';

export const daemonGone = 'nothing listens, and no process of it is left';
export const nothingFound = 'nothing listens, and there is no buildkitd process here';

type Status = Omit<DrainStatus, 'waitedMs'>;

/** The state of a wait as a clause: the clients, what is not counted, the builds. */
export function stateText(status: Status, config: DrainConfig | null): string {
  const { sample } = status;
  switch (sample.kind) {
    case 'gone':
      return sample.wasThere
        ? 'nothing listens, and no process of the daemon is left'
        : nothingFound;
    case 'failed':
      return `clients cannot be counted (${sample.error.message})${atLeast(sample.connections.length)}`;
    case 'counted':
      return countedText(status, config);
  }
}

/** `2 builds are running: a1b2 (for 30s), c3d4`. */
export function buildsAreRunning(builds: readonly Build[]): string {
  if (builds.length === 0) {
    return 'no build is running';
  }
  const nowMs = Date.now();
  const which = listed(builds, ({ ref, startedAtMs }) =>
    startedAtMs === null ? ref : `${ref} (for ${shortDuration(Math.max(0, nowMs - startedAtMs))})`,
  );
  return `${countBuilds(builds)} ${builds.length === 1 ? 'is' : 'are'} running: ${which}`;
}

/** `1 build`, `2 builds`. */
export function countBuilds({ length }: readonly Build[]): string {
  return length === 1 ? '1 build' : `${length} builds`;
}

/** Why a connection does not count as a client, with what was measured. */
export function notCountedReason(
  { kind, traffic, firstSeenMs }: TrackedConnection,
  nowMs: number,
): string {
  switch (kind) {
    case 'health-check':
      return `nothing received in ${shortDuration(nowMs - firstSeenMs)}`;
    case 'unreachable':
      return `no sign of life for ${shortDuration(traffic?.latest.msSinceAcked ?? 0)}`;
    default:
      return traffic === null
        ? 'no build is running'
        : `no traffic for ${shortDuration(nowMs - traffic.silentSinceMs)}`;
  }
}

// A daemon whose named builds hold the wait is asked every second.
const longestFreshMs = 1000;

function countedText(status: Status, config: DrainConfig | null): string {
  const { clients, notCounted, pending, quietForMs, nowMs } = status;
  const names = clients.length > 0 ? `: ${namesOf(clients, presence(nowMs))}` : '';
  return [
    `${clientsAreConnected(clients.length)}${names}`,
    pending.length > 0 ? `; too new to tell: ${namesOf(pending, presence(nowMs))}` : '',
    notCounted.length > 0 ? `; not counted: ${notCountedText(notCounted, nowMs)}` : '',
    buildsText(status),
    quietForMs === null || config === null ? '' : `; ${quietText(quietForMs, config)}`,
  ].join('');
}

export function notCountedText(tracked: readonly TrackedConnection[], nowMs: number): string {
  return listed(tracked, (entry) => `${connectionName(entry)} (${notCountedReason(entry, nowMs)})`);
}

/** Quiet lasts longer than it has to where something else keeps the wait from its end. */
function quietText(quietForMs: number, { quietPeriodMs }: DrainConfig): string {
  const period = formatDuration(quietPeriodMs);
  return quietForMs < quietPeriodMs
    ? `quiet for ${shortDuration(quietForMs)} of ${period}`
    : `quiet for all of ${period}`;
}

/**
 * The daemon is not asked at each poll, so its last answer may no longer be true. An older answer is
 * given with its age and without names, and only while it holds the wait.
 */
function buildsText({ builds, buildsAskedMs, namedBuilds, nowMs }: Status): string {
  const isFresh = nowMs - (buildsAskedMs ?? -Infinity) < longestFreshMs;
  if (builds?.kind === 'known' && isFresh) {
    return `; ${buildsAreRunning(builds.builds)}`;
  }
  const held = namedBuilds.flatMap((named) => named.builds);
  const askedMs = Math.max(...namedBuilds.map((named) => named.askedMs));
  return held.length === 0
    ? ''
    : `; the daemon last named ${countBuilds(held)} ${shortDuration(nowMs - askedMs)} ago`;
}

function presence(nowMs: number): (entry: TrackedConnection) => string {
  return ({ connection, firstSeenMs }) => {
    const state = connection.inode === 0 ? ', not accepted yet' : '';
    return `for ${shortDuration(nowMs - firstSeenMs)}${state}`;
  };
}
