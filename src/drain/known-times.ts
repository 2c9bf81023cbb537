import type { Traffic } from '../backends/types.ts';
import type { TrackedConnection } from './tracked.ts';

/** How old a connection is, as far as it is known. */
export interface KnownAge {
  readonly ms: number;
  /** If not, it is at least so old. */
  readonly isExact: boolean;
}

/** The age of a connection at a moment; null where nothing is known of it. */
export function knownAge(entry: TrackedConnection, nowMs: number): KnownAge | null {
  const { traffic, firstSeenMs, isArrivalSeen } = entry;
  const leastMs = traffic === null ? null : leastAgeMs(traffic.latest);
  const seenForMs = nowMs - firstSeenMs;
  if (seenForMs <= 0 && leastMs === null) {
    return null;
  }
  // Where no byte has come, the kernel counts from the connection's begin.
  const isExact = isArrivalSeen || traffic?.latest.bytesReceived === 0;
  return { ms: Math.max(seenForMs, leastMs ?? 0), isExact };
}

/** For how long at least no data has gone to the peer or come from it; null where that is unknown. */
export function knownSilenceMs({ traffic }: TrackedConnection, nowMs: number): number | null {
  if (traffic === null) {
    return null;
  }
  const leastMs = leastSilenceMs(traffic.latest);
  const watchedMs = nowMs - traffic.silentSinceMs;
  return watchedMs <= 0 && leastMs === null ? null : Math.max(watchedMs, leastMs ?? 0);
}

/** Each of these times begins with the connection at the earliest. */
export function leastAgeMs({ msSinceReceived, msSinceSent, msSinceAcked }: Traffic): number | null {
  const known = [msSinceReceived, msSinceSent, msSinceAcked].filter((ms) => ms !== null);
  return known.length === 0 ? null : Math.max(...known);
}

/** It may have been silent for longer: data that is only sent again begins `msSinceSent` anew. */
export function leastSilenceMs({ msSinceReceived, msSinceSent }: Traffic): number | null {
  return msSinceReceived === null || msSinceSent === null
    ? null
    : Math.min(msSinceReceived, msSinceSent);
}
