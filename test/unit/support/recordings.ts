import type { TrueConnection } from '../../../bench/accuracy/ground-truth.ts';
import type { Change, Recording, ReportedEnd } from '../../../bench/accuracy/recording.ts';

/** A poll: its start, its end, and what it saw; null if it failed. */
type Poll = readonly [fromMs: number, toMs: number, keys: readonly number[] | null];

export function recordingOf(
  results: readonly Poll[],
  reportedEnds: readonly ReportedEnd[] = [],
): Recording {
  const changes: Change[] = [];
  results.forEach(([, , keys], poll) => {
    const before = changes.at(-1)?.keys;
    if (JSON.stringify(before) !== JSON.stringify(keys)) {
      changes.push({ poll, keys });
    }
  });
  return {
    fromMs: Float64Array.from(results, ([fromMs]) => fromMs),
    toMs: Float64Array.from(results, ([, toMs]) => toMs),
    changes,
    reportedEnds,
    cpu: [],
  };
}

/** Polls that take no time, every `everyMs`, of connections whose exact times are known. */
export function perfectPolls(
  connections: readonly TrueConnection[],
  everyMs: number,
  untilMs: number,
): Poll[] {
  return Array.from({ length: untilMs / everyMs + 1 }, (_, index) => {
    const atMs = index * everyMs;
    const open = connections.filter(
      ({ openFromMs, closeToMs }) => openFromMs <= atMs && closeToMs > atMs,
    );
    return [atMs, atMs, open.flatMap(({ keys }) => keys)] as const;
  });
}

/** A TCP connection; with four moments its start and end are uncertain. */
export function connectionOf(
  key: number,
  openFromMs: number,
  closeFromMs: number,
  openToMs = openFromMs,
  closeToMs = closeFromMs,
): TrueConnection {
  return { transport: 'tcp', keys: [key], openFromMs, openToMs, closeFromMs, closeToMs };
}
