import type { Detector } from './types.ts';

/** A detector with the time that one of its looks takes here. */
export interface TimedDetector extends Detector {
  readonly lookMs: number;
}

// What a process of Node.js needs to wake up for a look, whatever the look costs.
const wakeMs = 0.06;
// The processes that make the connections.
const workloadShare = 0.25;
// More would delay the looks that are to be measured.
const usableShare = 0.5;

/** Whether looks can be made at such an interval at all. */
export function canKeepUp({ lookMs, intervalMs }: TimedDetector): boolean {
  return lookMs <= intervalMs;
}

/**
 * Divides detectors into sessions, so that in none of them the processors are more than half busy.
 * The same connections are made in each.
 */
export function divide(detectors: readonly TimedDetector[], cpus: number): TimedDetector[][] {
  const room = cpus * usableShare - workloadShare;
  const sessions: { free: number; detectors: TimedDetector[] }[] = [];
  for (const detector of detectors) {
    const share = shareOf(detector);
    const fitting = sessions.find(({ free }) => share <= free);
    if (fitting === undefined) {
      sessions.push({ free: room - share, detectors: [detector] });
    } else {
      fitting.free -= share;
      fitting.detectors.push(detector);
    }
  }
  return sessions.map((session) => session.detectors);
}

/** How much of a core it is busy with. */
function shareOf({ lookMs, intervalMs }: TimedDetector): number {
  const busyMs = lookMs + wakeMs;
  return busyMs / (busyMs + intervalMs);
}
