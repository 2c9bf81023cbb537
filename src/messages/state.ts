import type { Sample } from '../backends/types.ts';
import type { Build } from '../builds/types.ts';
import type { TrackedConnection } from '../drain/tracked.ts';
import type { DrainConfig, DrainStatus } from '../drain/types.ts';
import {
  about,
  atLeast,
  clientsAreConnected,
  formatDuration,
  listed,
  nameOf,
  namesOf,
} from './words.ts';

export type State = Pick<
  DrainStatus,
  | 'nowMs'
  | 'sample'
  | 'clients'
  | 'notCounted'
  | 'pending'
  | 'builds'
  | 'buildsAskedMs'
  | 'namedBuilds'
  | 'quietForMs'
>;

/** How things stand, as a clause: who is connected, who is left out, what the daemon says. */
export function stateText(state: State, config: DrainConfig): string {
  const { sample } = state;
  switch (sample.kind) {
    case 'gone':
      return sample.wasThere
        ? 'nothing listens, and no process of the daemon is left'
        : 'nothing listens, and no buildkitd of this place is in sight';
    case 'failed':
      return `the clients can't be counted (${sample.error.message})${atLeast(sample.connections.length)}`;
    case 'counted':
      return countedText(state, config);
  }
}

/** `2 builds are running: a1b2 (for 30s), c3d4`. */
export function buildsAreRunning(builds: readonly Build[]): string {
  if (builds.length === 0) {
    return 'no build is running';
  }
  const nowMs = Date.now();
  const which = listed(builds, ({ ref, startedAtMs }) =>
    startedAtMs === null ? ref : `${ref} (for ${about(Math.max(0, nowMs - startedAtMs))})`,
  );
  return `${countBuilds(builds)} ${builds.length === 1 ? 'is' : 'are'} running: ${which}`;
}

/** `1 build`, `2 builds`. */
export function countBuilds({ length }: readonly Build[]): string {
  return length === 1 ? '1 build' : `${length} builds`;
}

/** Why a connection is taken for no client, with what was measured of it. */
export function leftOutReason(
  { kind, traffic, firstSeenMs }: TrackedConnection,
  nowMs: number,
): string {
  switch (kind) {
    case 'health-check':
      return `no byte came in ${about(nowMs - firstSeenMs)}`;
    case 'unreachable':
      return `no sign of life for ${about(traffic?.latest.msSinceAcked ?? 0)}`;
    default:
      return traffic === null
        ? 'no build is running'
        : `silent for ${about(nowMs - traffic.silentSinceMs)}`;
  }
}

/** The same for machines. A number that could not be had is null, never 0. */
export function stateFields(state: State): Record<string, unknown> {
  const { sample, clients, notCounted, pending, builds, quietForMs, nowMs } = state;
  const fields = (entry: TrackedConnection): Record<string, unknown> => ({
    endpoint: entry.connection.endpoint,
    peer: entry.connection.peer,
    inode: entry.connection.inode,
    seenForMs: Math.round(nowMs - entry.firstSeenMs),
  });
  return {
    connections: countOf(sample, clients.length),
    builds: builds?.kind === 'known' ? builds.builds : null,
    quietForMs: quietForMs === null ? null : Math.round(quietForMs),
    clients: clients.slice(0, mostFields).map(fields),
    pending: pending.slice(0, mostFields).map(fields),
    notCounted: notCounted.slice(0, mostFields).map((entry) => ({
      ...fields(entry),
      kind: entry.kind,
    })),
    endpoints: sample.results.map((result) => ({
      address: result.endpoint.address,
      backend: result.kind === 'polled' ? result.backend : null,
      listening: result.kind === 'polled' ? result.snapshot.listenerInodes.length > 0 : null,
    })),
  };
}

export function countOf(sample: Sample | null, counted: number): number | null {
  return sample?.kind === 'counted' ? counted : null;
}

/** Of whom a line for machines tells at most: a longer one finds no room in a pipe. */
export const mostFields = 100;
// A daemon whose word holds the wait is asked every second.
const longestFreshMs = 1000;

function countedText(state: State, config: DrainConfig): string {
  const { clients, notCounted, pending, quietForMs, nowMs } = state;
  const who = clients.length > 0 ? `: ${namesOf(clients, presence(nowMs))}` : '';
  const others = listed(notCounted, (entry) => `${nameOf(entry)} (${leftOutReason(entry, nowMs)})`);
  return [
    `${clientsAreConnected(clients.length)}${who}`,
    pending.length > 0 ? `; too new to tell: ${namesOf(pending, presence(nowMs))}` : '',
    notCounted.length > 0 ? `; not counted: ${others}` : '',
    saysOf(state),
    quietForMs === null ? '' : `; ${quietText(quietForMs, config)}`,
  ].join('');
}

/** Quiet lasts longer than it has to where something else keeps the wait from its end. */
function quietText(quietForMs: number, { quietPeriodMs }: DrainConfig): string {
  const period = formatDuration(quietPeriodMs);
  return quietForMs < quietPeriodMs
    ? `quiet for ${about(quietForMs)} of ${period}`
    : `quiet for all of ${period}`;
}

/**
 * The daemon is not asked at each look: what it said before may be true no longer. So an older answer
 * is told with its age and without names, and only while it holds the wait.
 */
function saysOf({ builds, buildsAskedMs, namedBuilds, nowMs }: State): string {
  const isFresh = nowMs - (buildsAskedMs ?? -Infinity) < longestFreshMs;
  if (builds?.kind === 'known' && isFresh) {
    return `; ${buildsAreRunning(builds.builds)}`;
  }
  const held = namedBuilds.flatMap((word) => word.builds);
  const askedMs = Math.max(...namedBuilds.map((word) => word.askedMs));
  return held.length === 0
    ? ''
    : `; the daemon last named ${countBuilds(held)} ${about(nowMs - askedMs)} ago`;
}

function presence(nowMs: number): (entry: TrackedConnection) => string {
  return ({ connection, firstSeenMs }) => {
    const state = connection.inode === 0 ? ', not accepted yet' : '';
    return `for ${about(nowMs - firstSeenMs)}${state}`;
  };
}
