import { malformed, quote } from '../grpc/errors.ts';
import type { GrpcConnection } from '../grpc/types.ts';
import { askError } from './answers.ts';
import { type DaemonVersion, decodeInfo, info } from './control.ts';

/** The daemon's version. @throws BackendError, also where `ListenBuildHistory` may harm the daemon */
export async function askForVersion(call: GrpcConnection['call']): Promise<DaemonVersion> {
  const [message, ...others] = await call(info);
  if (message === undefined || others.length > 0) {
    throw malformed('the version is not in exactly one message');
  }
  const version = decodeInfo(message);
  if (isHarmedByQuestion(version)) {
    throw askError(
      'ERR_UNIMPLEMENTED',
      `the daemon is asked for its version alone, since ${named(version)} names no build whatever it runs; ` +
        'v0.12.4 and later do',
    );
  }
  return version;
}

/** For messages. */
export function named({ package: name, version }: DaemonVersion): string {
  return `${quoted(name)} of version ${quoted(version)}`;
}

function quoted(text: string): string {
  return JSON.stringify(quote(text));
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
  const { number, suffix } = partsOf(version);
  const isFixed = compare(number, [0, 12, 4]) > 0 && compare(number, [0, 13, 0]) !== 0;
  const isFirstFixed = compare(number, [0, 12, 4]) === 0 || compare(number, [0, 13, 0]) === 0;
  return name === upstream && (isFixed || (isFirstFixed && isRelease(suffix)));
}

/**
 * Whether `ListenBuildHistory` may harm a daemon of this version, which answers it wrongly anyway: v0.11.0 to v0.12.3, and
 * the beta of v0.13.0 that lacks the fix.
 *
 * With more than 32 running builds v0.12.0 to v0.12.3 never answer, and hold a lock without which no build begins or ends. If
 * all records are requested, one that was deleted after a question by its ref ends the daemon.
 */
export function isHarmedByQuestion({ package: name, version }: DaemonVersion): boolean {
  const { number, suffix } = partsOf(version);
  const isBefore = compare(number, [0, 11, 0]) >= 0 && compare(number, [0, 12, 4]) < 0;
  return (
    name === upstream &&
    (isBefore || (compare(number, [0, 13, 0]) === 0 && suffix.startsWith('-beta1')))
  );
}

/**
 * Whether a daemon keeps a record of its builds whatever its settings are, so that one without any
 * record has never finished a build: as long as its releases could not switch the history off
 * (`maxEntries = 0` under `[history]`), which the newest known one, v0.32.2, cannot.
 */
export function alwaysKeepsHistory({ version }: DaemonVersion): boolean {
  const { number, suffix } = partsOf(version);
  const order = compare(number.slice(0, 2), [0, 32]);
  return order < 0 || (order === 0 && isRelease(suffix));
}

/** The numbers of any other text are not numbers, and no version is before or after it. */
function partsOf(version: string): { readonly number: number[]; readonly suffix: string } {
  const { major, minor, patch, suffix = '' } = form.exec(version)?.groups ?? {};
  return { number: [major, minor, patch].map(Number), suffix };
}

function isRelease(suffix: string): boolean {
  return suffix === '' || suffix.startsWith('+');
}

function compare(some: readonly number[], others: readonly number[]): number {
  const index = some.findIndex((value, at) => value !== others[at]);
  return index === -1 ? 0 : (some[index] ?? 0) - (others[index] ?? 0);
}
