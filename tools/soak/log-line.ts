import type { LogLine } from '../../test/support/cli.ts';
import { machineMs } from '../../test/support/machine-time.ts';
import { clockErrorMs, longestGapMs } from './certainty.ts';
import type { ReportedState } from './judge.ts';
import type { WaitRule } from './plan.ts';

/** The machine's clock at the zero of the wall clock. Of some readings the least disturbed one. */
function wallZeroMs(): number {
  return Math.max(...Array.from({ length: 5 }, () => machineMs() - Date.now()));
}

// A busy machine may take seconds to read tables, and to print what `watch` has found.
const longestDelayMs = 5000;

/**
 * The state that a log line reports; null for a line that reports none.
 *
 * @param zeroMs when the wait began, by its own clock; null for a process that does not report its time.
 */
export function reportedStateOf(
  line: LogLine,
  zeroMs: number | null,
  rule: WaitRule,
): ReportedState | null {
  const connections = line['connections'];
  const quietForMs = line['quietForMs'];
  const isCount = typeof connections === 'number';
  if (!isCount && typeof quietForMs !== 'number') {
    return null;
  }
  return {
    result: pollSpanOf(line, zeroMs, rule),
    connections: isCount ? connections : null,
    quietForMs: typeof quietForMs === 'number' ? quietForMs : null,
    clients: (line['clients'] ?? []) as ReportedState['clients'],
  };
}

/**
 * When the poll was made that a line reports. By its own clock a wait reports when the poll was over; how
 * long it took is bounded by the longest gap, or it restarts the quiet period. Where the poll reads
 * tables, of which there are two for each endpoint, it takes its time on a busy machine.
 */
export function pollSpanOf(
  line: LogLine,
  zeroMs: number | null,
  rule: WaitRule,
): ReportedState['result'] {
  const waitedMs = line['waitedMs'];
  const loggedMs = wallTimeMs(line) + clockErrorMs;
  if (typeof waitedMs !== 'number' || zeroMs === null) {
    return { fromMs: loggedMs - longestDelayMs, toMs: loggedMs };
  }
  const polledMs = zeroMs + waitedMs;
  const endpoints = (line['endpoints'] ?? []) as { readonly backend: string | null }[];
  const isQuick = endpoints.length > 0 && endpoints.every(({ backend }) => backend === 'sock-diag');
  const tookMs = isQuick ? longestGapMs(rule) : longestDelayMs;
  return { fromMs: polledMs - tookMs, toMs: polledMs + clockErrorMs };
}

/** When a wait began, by this line: it may have been earlier, but was not later. */
export function latestZeroMs(line: LogLine): number {
  const waitedMs = line['waitedMs'];
  return typeof waitedMs === 'number' ? wallTimeMs(line) - waitedMs : Infinity;
}

export function wallTimeMs({ timestamp }: LogLine): number {
  return Date.parse(timestamp) + wallZeroMs();
}
