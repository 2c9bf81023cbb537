import type { LogLine } from '../../support/cli.ts';
import { type Build, durationMs, slackMs, type Truth, timeOf } from './truth.ts';

/** How old the answer may be that a line tells. */
const freshMs = 1000;
/** For so long buildkitd still lists a build that has ended, while it writes its record. */
const recordingMs = 1000;

/** What is not true of the builds that a line tells of. */
export function buildProblems(line: LogLine, { builds, isBelieved }: Truth): string[] {
  const { message } = line;
  const atMs = timeOf(line);
  // Of a daemon that has ended there is no record.
  if (builds === null) {
    return [];
  }
  if (message.includes('builds are unknown')) {
    return isBelieved ? ['this daemon names its builds'] : [];
  }
  const named = namedIn(message);
  if (named === null) {
    return message.includes('no build is running') &&
      builds.some((build) => ranFrom(build, atMs - freshMs - slackMs, atMs))
      ? ['a build is running']
      : [];
  }
  return named.flatMap(({ ref, forMs }) => {
    const build = builds.find((each) => each.ref === ref);
    if (build === undefined) {
      return [`there is no build ${ref}`];
    }
    const { createdMs, completedMs } = build;
    const isOver = completedMs !== null && completedMs < atMs - freshMs - recordingMs - slackMs;
    const isOfAge = Math.abs(atMs - createdMs - forMs) < 100 + slackMs;
    return [
      ...(createdMs > atMs || isOver ? [`${ref} is not running`] : []),
      ...(isOfAge ? [] : [`${ref} runs for ${atMs - createdMs} ms`]),
    ];
  });
}

function ranFrom({ createdMs, completedMs }: Build, fromMs: number, toMs: number): boolean {
  return createdMs < fromMs && (completedMs ?? Number.POSITIVE_INFINITY) > toMs;
}

/** `2 builds are running: x7k2 (for 3.2s), a1b2 (for 1s)` */
function namedIn(message: string): { ref: string; forMs: number }[] | null {
  const [, count, list] =
    /(\d+) builds? (?:is|are) running: ([^;]*?)\.?(?:;|$)/.exec(message) ?? [];
  if (list === undefined) {
    return null;
  }
  const named = [...list.matchAll(/(\S+) \(for ([\dhms.]+)\)/g)].map(([, ref = '', text = '']) => ({
    ref,
    forMs: durationMs(text),
  }));
  const more = Number(/ and (\d+) more/.exec(list)?.[1] ?? 0);
  if (named.length + more !== Number(count)) {
    throw new Error(`${count} builds, and ${named.length} names: ${message}`);
  }
  return named;
}
