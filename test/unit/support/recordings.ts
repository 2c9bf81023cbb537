import type { TrueConnection } from '../../../bench/accuracy/ground-truth.ts';
import type { Change, Recording, Told } from '../../../bench/accuracy/recording.ts';

/** A look: from when to when, and what it saw; null where it failed. */
type Look = readonly [fromMs: number, toMs: number, keys: readonly number[] | null];

export function recordingOf(results: readonly Look[], told: readonly Told[] = []): Recording {
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
    told,
    cpu: [],
  };
}

/** Looks that take no time, each `everyMs`, at connections of which one knows the exact times. */
export function perfectLooks(
  connections: readonly TrueConnection[],
  everyMs: number,
  untilMs: number,
): Look[] {
  return Array.from({ length: untilMs / everyMs + 1 }, (_, index) => {
    const atMs = index * everyMs;
    const open = connections.filter(
      ({ openFromMs, closeToMs }) => openFromMs <= atMs && closeToMs > atMs,
    );
    return [atMs, atMs, open.flatMap(({ keys }) => keys)] as const;
  });
}

/** A TCP connection; with four moments one can't say exactly when it began and ended. */
export function connectionOf(
  key: number,
  openFromMs: number,
  closeFromMs: number,
  openToMs = openFromMs,
  closeToMs = closeFromMs,
): TrueConnection {
  return { transport: 'tcp', keys: [key], openFromMs, openToMs, closeFromMs, closeToMs };
}
