/** What one poll has shown, at some moment of its time. */
export interface Judged {
  readonly ms: number;
  /** How many clients were counted; null if they could not be. */
  readonly clients: number | null;
  /** Connections too young to be distinguished from probes: they neither break quiet nor let a wait end. */
  readonly pending: number;
}

export interface Promised {
  readonly quietPeriodMs: number;
  readonly maxConnections: number;
  /** Polls further apart than this leave a time without samples. */
  readonly maxGapMs: number;
}

/**
 * What `drained` promises, in one place: for a whole quiet period before the end every poll counted no
 * more than the allowed clients, none was missing, and the last one left nothing open.
 *
 * @param results all polls of a wait, in order.
 * @returns what breaks the promise; null if it is kept.
 */
export function brokenPromise(
  results: readonly Judged[],
  endMs: number,
  { quietPeriodMs, maxConnections, maxGapMs }: Promised,
): string | null {
  const first = results.findLastIndex(({ ms }) => ms <= endMs - quietPeriodMs);
  const last = results.at(-1);
  if (first === -1 || last === undefined) {
    return `there was no poll ${quietPeriodMs} ms before the end`;
  }
  const quiet = results.slice(first);
  for (const [index, { ms, clients }] of quiet.entries()) {
    const when = `${endMs - ms} ms before the end`;
    if (clients === null) {
      return `${when} there was no count`;
    }
    if (clients > maxConnections) {
      return `${when} there were ${clients} clients`;
    }
    if ((quiet[index + 1]?.ms ?? endMs) - ms > maxGapMs) {
      return `${when} there was no poll for longer than ${maxGapMs} ms`;
    }
  }
  return (last.clients ?? 0) + last.pending > maxConnections
    ? `at the end ${last.pending} connections were too young to be judged`
    : null;
}
