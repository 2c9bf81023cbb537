/** `BuildkitVersion` of buildkitd's API: which program it is, and which version of it. */
export interface DaemonVersion {
  readonly package: string;
  readonly version: string;
}

// Forks number their releases as they like.
const upstream = 'github.com/moby/buildkit';

const form = /^v?(?<major>\d{1,6})\.(?<minor>\d{1,6})\.(?<patch>\d{1,6})(?<suffix>[-+~.].*)?$/;

/**
 * Whether a daemon that names no running build has none: from v0.12.4 on. v0.11.0 to v0.12.3 answer
 * without any build whatever they do.
 *
 * What can't be told is no: a fork, no version, a development build or a release candidate of a
 * version in which the mistake was just mended. `+…` says how a release was packed.
 */
export function countsRightly({ package: name, version }: DaemonVersion): boolean {
  const { major, minor, patch, suffix = '' } = form.exec(version)?.groups ?? {};
  if (name !== upstream || major === undefined) {
    return false;
  }
  const number = [major, minor, patch].map(Number);
  const isMended = compare(number, [0, 12, 4]) > 0 && compare(number, [0, 13, 0]) !== 0;
  const isFirstMended = compare(number, [0, 12, 4]) === 0 || compare(number, [0, 13, 0]) === 0;
  return isMended || (isFirstMended && isRelease(suffix));
}

/**
 * Whether a daemon keeps a record of its builds whatever its settings are, so that one without any
 * record has never finished a build: as long as its releases could not switch the history off
 * (`maxEntries = 0` under `[history]`), which the newest known one, v0.32.2, can't.
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
