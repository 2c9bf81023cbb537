import type { BuildsSource } from '../builds/types.ts';
import type { InspectError, Sample } from '../inspect/types.ts';
import { type BuildsNote, noteOf } from './builds-note.ts';
import type { Clock } from './clock.ts';
import type { CountedReading } from './quiet-period.ts';

/** How the wait stands, as far as it tells whether to ask. */
interface BuildsNeed {
  readonly nowMs: number;
  readonly sample: Sample;
  /** Since when the sockets show no more than the allowed clients; null where they do not. */
  readonly socketsQuietSinceMs: number | null;
  /** Whether the answer decides if somebody is a client. */
  readonly hasDoubtful: boolean;
  readonly progressDueMs: number;
}

/** Asks when the answer can matter, which is never each time that one looks. */
export interface BuildWatch {
  readonly latest: () => BuildsNote | null;
  readonly isAsking: () => boolean;
  /** Returns when it is to be called again, in milliseconds, should nothing else happen. */
  readonly askIfDue: (need: BuildsNeed) => number;
  /** What it comes to for the rule: an error where it may not do without an answer. */
  readonly reading: () => CountedReading['builds'] | InspectError;
  readonly ownPeers: () => readonly string[];
}

const shortestPauseMs = 1000;
const doubtPauseMs = 5000;

/** @param isRequired whether nothing may be concluded without the daemon's own word. */
export function watchBuilds(
  source: BuildsSource | null,
  isRequired: boolean,
  clock: Clock,
): BuildWatch {
  let latest: BuildsNote | null = null;
  let askedMs: number | null = null;

  const ask = async (from: BuildsSource, { nowMs, sample }: BuildsNeed): Promise<void> => {
    askedMs = nowMs;
    const answer = await from.ask(sample);
    latest = noteOf(latest, answer, nowMs, clock.now());
    askedMs = null;
    clock.wake();
  };

  return {
    latest: () => latest,
    isAsking: () => askedMs !== null,
    askIfDue(need) {
      if (source === null || askedMs !== null) {
        return Infinity;
      }
      const dueMs = nextDueMs(latest, need, isRequired);
      if (need.nowMs < dueMs) {
        return dueMs;
      }
      void ask(source, need);
      return Infinity;
    },
    reading() {
      if (latest?.wereRunning) {
        return 'running';
      }
      // Where it was unknown, it stays so while the same is asked again.
      if (isRequired && latest?.answer.kind === 'unknown') {
        return latest.answer.error;
      }
      return askedMs === null ? 'none' : 'awaited';
    },
    ownPeers: () => source?.ownPeers() ?? [],
  };
}

/** When the daemon is to be asked, as things stand. */
function nextDueMs(latest: BuildsNote | null, need: BuildsNeed, isRequired: boolean): number {
  const { nowMs, socketsQuietSinceMs, hasDoubtful, progressDueMs } = need;
  if (latest === null) {
    return nowMs;
  }
  const { askedMs, answeredMs } = latest;
  const soonMs = answeredMs + shortestPauseMs;
  const hangsOnIt = latest.wereRunning || (isRequired && latest.answer.kind === 'unknown');
  const isQuiet = socketsQuietSinceMs !== null;
  const dues = [
    isQuiet && (hangsOnIt || askedMs < socketsQuietSinceMs) ? soonMs : Infinity,
    hasDoubtful ? answeredMs + doubtPauseMs : Infinity,
    askedMs < progressDueMs ? Math.max(soonMs, progressDueMs) : Infinity,
  ];
  return Math.min(...dues);
}
