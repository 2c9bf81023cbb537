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
