import { BackendError } from '../backends/types.ts';
import type { BuildsAnswer } from './types.ts';

/** Combines answers: any builds are builds, and "none" only if every daemon says so. */
export function combineAnswers(answers: readonly BuildsAnswer[]): BuildsAnswer {
  const known = answers.filter((answer) => answer.kind === 'known');
  const builds = known.flatMap((answer) => answer.builds);
  const unknowns = answers.filter((answer) => answer.kind === 'unknown');
  // A daemon that has not answered outweighs one that names none.
  const unknown = unknowns.find(({ error }) => !namesNone(error)) ?? unknowns[0];
  if (builds.length === 0 && unknown !== undefined) {
    return unknown;
  }
  if (answers.length === 0) {
    return nowhereToAsk();
  }
  const ends = known.flatMap(({ lastEndedAtMs }) => lastEndedAtMs ?? []);
  return {
    kind: 'known',
    // A daemon with two addresses that is not known to be one gives each answer twice.
    builds: [...new Map(builds.map((build) => [build.ref, build])).values()],
    lastEndedAtMs: ends.length === 0 ? null : Math.max(...ends),
  };
}

/** Why the running builds are unknown, though the daemon may have answered. */
export function askError(code: string, message: string, cause?: unknown): BackendError {
  return new BackendError(
    code,
    'ask which builds are running',
    message,
    cause === undefined ? {} : { cause },
  );
}

export function nowhereToAsk(): BuildsAnswer {
  const message = 'no endpoint has a listener that can be called';
  return { kind: 'unknown', error: askError('ERR_NO_LISTENER', message) };
}

// The daemon has read the question, and its reply names no build.
const repliesWithoutBuilds = [
  'ERR_ZERO_NOT_TRUSTED',
  'ERR_NO_HISTORY',
  'ERR_UNIMPLEMENTED',
  'ERR_GRPC_STATUS',
];

/** Whether the daemon itself replied without naming a build, even if that "none" is not accepted. */
export function isReplyWithoutBuilds({ code }: BackendError): boolean {
  return repliesWithoutBuilds.includes(code);
}

/** How many builds the daemons name, whether or not their "none" is accepted; null if one did not say. */
export function countReported(answer: BuildsAnswer): number | null {
  if (answer.kind === 'known') {
    return answer.builds.length;
  }
  return namesNone(answer.error) ? 0 : null;
}

/** Whether the daemon has answered that no build is running, and that is not accepted. */
function namesNone({ code }: BackendError): boolean {
  return code === 'ERR_ZERO_NOT_TRUSTED' || code === 'ERR_NO_HISTORY';
}

/** `BuildkitVersion` of buildkitd's API: the program and its version. */
export interface DaemonVersion {
  readonly package: string;
  readonly version: string;
}

// Forks have version numbers of their own.
const upstream = 'github.com/moby/buildkit';

const form = /^v?(?<major>\d{1,6})\.(?<minor>\d{1,6})\.(?<patch>\d{1,6})(?<suffix>[-+~.].*)?$/;

/**
 * Whether a daemon of this version that names no running build has none: from v0.12.4 on. v0.11.0 to v0.12.3 name no build
 * whatever they run.
 *
 * What cannot be determined is no: a fork, no version, a development build or a release candidate of a version in which the
 * bug was just fixed. A suffix `+…` only says how a release was packed.
 */
export function countsRightly({ package: name, version }: DaemonVersion): boolean {
  const { major, minor, patch, suffix = '' } = form.exec(version)?.groups ?? {};
  if (name !== upstream || major === undefined) {
    return false;
  }
  const number = [major, minor, patch].map(Number);
  const isFixed = compare(number, [0, 12, 4]) > 0 && compare(number, [0, 13, 0]) !== 0;
  const isFirstFixed = compare(number, [0, 12, 4]) === 0 || compare(number, [0, 13, 0]) === 0;
  return isFixed || (isFirstFixed && isRelease(suffix));
}

/**
 * Whether a daemon keeps a record of its builds whatever its settings are, so that one without any
 * record has never finished a build: as long as its releases could not switch the history off
 * (`maxEntries = 0` under `[history]`), which the newest known one, v0.32.2, cannot.
 */
export function alwaysKeepsHistory({ version }: DaemonVersion): boolean {
  const { major, minor, suffix = '' } = form.exec(version)?.groups ?? {};
  const order = compare([Number(major), Number(minor)], [0, 32]);
  return order < 0 || (order === 0 && isRelease(suffix));
}

function isRelease(suffix: string): boolean {
  return suffix === '' || suffix.startsWith('+');
}

function compare(some: readonly number[], others: readonly number[]): number {
  const index = some.findIndex((value, at) => value !== others[at]);
  return index === -1 ? 0 : (some[index] ?? 0) - (others[index] ?? 0);
}
