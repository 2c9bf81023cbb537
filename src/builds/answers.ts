import { BackendError } from '../backends/types.ts';
import type { BuildsAnswer } from './types.ts';

/** What several answers come to: some builds are some, and no build is none only if all say so. */
export function combineAnswers(answers: readonly BuildsAnswer[]): BuildsAnswer {
  const known = answers.filter((answer) => answer.kind === 'known');
  const builds = known.flatMap((answer) => answer.builds);
  const unknown = answers.find((answer) => answer.kind === 'unknown');
  if (builds.length === 0 && unknown !== undefined) {
    return unknown;
  }
  if (answers.length === 0) {
    return nowhereToAsk();
  }
  const ends = known.flatMap(({ lastEndedAtMs }) => lastEndedAtMs ?? []);
  return {
    kind: 'known',
    // A daemon that listens twice, and is not known to be one, says everything twice.
    builds: [...new Map(builds.map((build) => [build.ref, build])).values()],
    lastEndedAtMs: ends.length === 0 ? null : Math.max(...ends),
  };
}

export function nowhereToAsk(): BuildsAnswer {
  const error = new BackendError(
    'ERR_NO_LISTENER',
    'ask which builds run',
    'no endpoint was seen to listen where it can be asked',
  );
  return { kind: 'unknown', error };
}

// The daemon has read the question, and names no build in what it says to it.
const repliesWithoutBuilds = [
  'ERR_ZERO_NOT_VOUCHED',
  'ERR_NO_HISTORY',
  'ERR_UNIMPLEMENTED',
  'ERR_GRPC_STATUS',
];

/** Whether the daemon itself has replied, and has not named a build, though that is not believed. */
export function isReplyWithoutBuilds({ code }: BackendError): boolean {
  return repliesWithoutBuilds.includes(code);
}
