import type { BackendError, Sample } from '../backends/types.ts';
import type { BuildsSource } from '../builds/types.ts';
import { type BuildsState, nextBuildsState } from './builds-note.ts';
import type { Clock } from './clock.ts';
import { expiryOf } from './last-word.ts';
import type { CountedReading } from './quiet-period.ts';
import type { TrackedConnections } from './tracked.ts';
import type { ExpiryReason, NamedBuilds } from './types.ts';

/** What one look has shown, as far as it tells what a daemon's word is worth. */
interface SocketsSeen {
  readonly nowMs: number;
  readonly sample: Sample;
  readonly tracked: TrackedConnections;
  /** Since when the sockets show no more than the allowed clients; null where they do not. */
  readonly socketsQuietSinceMs: number | null;
}

/** How the wait stands, as far as it tells whether to ask. */
interface BuildsNeed {
  readonly nowMs: number;
  readonly sample: Sample;
  readonly socketsQuietSinceMs: number | null;
  /** Whether the answer decides if somebody is a client. */
  readonly hasIdle: boolean;
  /** When the wait could end at the earliest, as things stand; null where it could not. */
  readonly drainedAtMs: number | null;
  /** Since when nothing but a fresh answer keeps the wait from its end; null where more does. */
  readonly dueSinceMs: number | null;
  readonly progressDueMs: number;
}

/** Builds that hold the wait no longer, though their daemon has not said that they have ended. */
export interface ExpiredBuilds {
  readonly named: NamedBuilds;
  readonly reason: ExpiryReason;
}

/** Asks when the answer can matter, which is never each time that one looks. */
export interface BuildWatch {
  readonly latest: () => BuildsState | null;
  readonly isAsking: () => boolean;
  /** Gives up the words that the sockets show to be no evidence any more, and returns them. */
  readonly expire: (seen: SocketsSeen) => readonly ExpiredBuilds[];
  /** Returns when it is to be called again, in milliseconds, should nothing else happen. */
  readonly askIfDue: (need: BuildsNeed) => number;
  /** What it comes to for the rule: an error where it may not do without an answer. */
  readonly reading: () => Pick<CountedReading, 'builds' | 'askedMs' | 'endedMs'> | BackendError;
  readonly ownPeers: () => readonly string[];
  /** Whether a connection of its own may be among those that are seen. */
  readonly isSettled: () => boolean;
}

const shortestPauseMs = 1000;
const doubtPauseMs = 5000;

// A daemon that gives no answer takes a second to do so, and would take another one. Where none gave one
// the last time, they are asked so much before the end of the quiet period that the wait is no longer.
const noAnswerMs = 1000;
const headStartMs = 1100;

export interface BuildWatchInput {
  /** Null where the daemon is not to be asked. */
  readonly source: BuildsSource | null;
  /** Whether nothing may be concluded without the daemon's own word. */
  readonly isRequired: boolean;
  readonly quietPeriodMs: number;
  readonly clock: Clock;
}

export function watchBuilds({
  source,
  isRequired,
  quietPeriodMs,
  clock,
}: BuildWatchInput): BuildWatch {
  const startedMs = clock.now();
  let latest: BuildsState | null = null;
  let isAsking = false;

  const ask = async (from: BuildsSource, { nowMs: askedMs, sample }: BuildsNeed): Promise<void> => {
    isAsking = true;
    // To find out whom to ask may read about all processes: what was seen is told first.
    await null;
    const answers = await from.ask(sample);
    const times = { askedMs, answeredMs: clock.now(), wallMs: clock.wall(), startedMs };
    latest = nextBuildsState(latest, answers, times);
    isAsking = false;
    clock.wake();
  };

  return {
    latest: () => latest,
    isAsking: () => isAsking,
    expire(seen) {
      if (latest === null || latest.named.length === 0) {
        return [];
      }
      const { answers } = latest;
      const expired = latest.named.flatMap((named): ExpiredBuilds[] => {
        const reason = expiryOf(named, { ...seen, answers, quietPeriodMs });
        return reason === null ? [] : [{ named, reason }];
      });
      const isExpired = (each: NamedBuilds): boolean => expired.some(({ named }) => named === each);
      latest = { ...latest, named: latest.named.filter((each) => !isExpired(each)) };
      return expired;
    },
    askIfDue(need) {
      if (source === null || isAsking) {
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
      // Where it was unknown, it stays so while the same is asked again.
      if (isRequired && latest?.answer.kind === 'unknown' && latest.named.length === 0) {
        return latest.answer.error;
      }
      return {
        builds: latest !== null && latest.named.length > 0 ? 'running' : 'none',
        askedMs: source === null ? null : latest === null ? -Infinity : askedUntilMs(latest),
        endedMs: latest?.endedMs ?? null,
      };
    },
    ownPeers: () => source?.ownPeers() ?? [],
    isSettled: () => source?.isSettled() ?? true,
  };
}

/** Up to when an answer counts: what could not be had could not be had a moment later either. */
function askedUntilMs(note: BuildsState): number {
  return hasNoAnswer(note) ? note.answeredMs + noAnswerMs : note.askedMs;
}

function hasNoAnswer({ answers }: BuildsState): boolean {
  return answers.every(({ answer }) => answer.kind === 'unknown');
}

/** When the daemon is to be asked, as things stand. */
function nextDueMs(latest: BuildsState | null, need: BuildsNeed, isRequired: boolean): number {
  const { nowMs, socketsQuietSinceMs, hasIdle, progressDueMs } = need;
  const { drainedAtMs, dueSinceMs } = need;
  if (latest === null || (dueSinceMs !== null && askedUntilMs(latest) < dueSinceMs)) {
    return nowMs;
  }
  const { askedMs, answeredMs } = latest;
  const soonMs = answeredMs + shortestPauseMs;
  const hangsOnIt = latest.named.length > 0 || (isRequired && latest.answer.kind === 'unknown');
  const isQuiet = socketsQuietSinceMs !== null;
  const earlyMs = (drainedAtMs ?? -Infinity) - headStartMs;
  const dues = [
    isQuiet && (hangsOnIt || askedMs < socketsQuietSinceMs) ? soonMs : Infinity,
    hasIdle ? answeredMs + doubtPauseMs : Infinity,
    hasNoAnswer(latest) && askedMs < earlyMs ? Math.max(answeredMs, earlyMs) : Infinity,
    askedMs < progressDueMs ? Math.max(soonMs, progressDueMs) : Infinity,
  ];
  return Math.min(...dues);
}
