/** What one look came to, at some moment of its time. */
export interface Judged {
  readonly ms: number;
  /** How many clients a vouched-for count had; null where there was no such count. */
  readonly clients: number | null;
  /** Connections too young to be told from probes: they break no quiet, and let none end. */
  readonly pending: number;
}

export interface Promised {
  readonly quietPeriodMs: number;
  readonly maxConnections: number;
  /** Looks further apart than this leave a time in which nobody looked. */
  readonly maxGapMs: number;
}

/**
 * The promise that stands behind `drained`, in its one place: for a whole quiet period before the end
 * every look was a vouched-for count of no more than the allowed clients, none was missing, and the
 * last one left nothing open.
 *
 * @param looks all of a wait's, in order.
 * @returns what breaks the promise; null where it is kept.
 */
export function brokenPromise(
  results: readonly Judged[],
  endMs: number,
  { quietPeriodMs, maxConnections, maxGapMs }: Promised,
): string | null {
  const first = results.findLastIndex(({ ms }) => ms <= endMs - quietPeriodMs);
  const last = results.at(-1);
  if (first === -1 || last === undefined) {
    return `nobody looked ${quietPeriodMs} ms before the end`;
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
      return `${when} nobody looked for longer than ${maxGapMs} ms`;
    }
  }
  return (last.clients ?? 0) + last.pending > maxConnections
    ? `at the end ${last.pending} connections were too young to be judged`
    : null;
}
