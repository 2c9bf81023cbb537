import type { BackendError, Sample } from '../backends/types.ts';
import type { BuildsSource } from '../builds/types.ts';
import type { Clock } from './clock.ts';
import { type BuildsState, type ExpiryInput, expiryOf, nextBuildsState } from './named-builds.ts';
import type { CountedReading } from './quiet-period.ts';
import type { ExpiryReason, NamedBuilds } from './types.ts';

/** Named builds that hold the wait no longer, though their daemon has not said that they ended. */
export interface ExpiredBuilds {
  readonly named: NamedBuilds;
  readonly reason: ExpiryReason;
}

/** Asks the daemons which builds are running, and keeps what they answered. */
export interface BuildWatch {
  readonly latest: () => BuildsState | null;
  readonly isAsking: () => boolean;
  /**
   * Asks if it is time: once `dueMs` has come, and no other question is under way.
   *
   * @returns when to call again if nothing else happens, in milliseconds.
   */
  readonly askIfDue: (poll: { nowMs: number; sample: Sample }, dueMs: number) => number;
  /** Drops the named builds for which the sockets show that they hold the wait no longer, and returns them. */
  readonly expire: (seen: ExpiryInput, quietPeriodMs: number) => readonly ExpiredBuilds[];
  /** Drops all answers: the daemon that gave them is gone. */
  readonly forget: () => void;
  /** Whether time alone changes nothing here: no question is under way, and no named build can expire. */
  readonly isSteady: () => boolean;
  readonly ownPeers: () => readonly string[];
  /** Whether none of the connections seen can be one of its own without a name. */
  readonly isSettled: () => boolean;
}

/** @param source null where the daemon is not to be asked. */
export function watchBuilds(source: BuildsSource | null, clock: Clock): BuildWatch {
  const startedMs = clock.now();
  let latest: BuildsState | null = null;
  let isAsking = false;

  const ask = async (from: BuildsSource, askedMs: number, sample: Sample): Promise<void> => {
    isAsking = true;
    const answers = await from.ask(sample);
    const times = { askedMs, answeredMs: clock.now(), wallMs: clock.wall(), startedMs };
    latest = nextBuildsState(latest, answers, times);
    isAsking = false;
    clock.wake();
  };

  return {
    latest: () => latest,
    isAsking: () => isAsking,
    askIfDue({ nowMs, sample }, dueMs) {
      if (source === null || isAsking) {
        return Infinity;
      }
      if (nowMs < dueMs) {
        return dueMs;
      }
      void ask(source, nowMs, sample);
      return Infinity;
    },
    expire(seen, quietPeriodMs) {
      if (latest === null || latest.named.length === 0) {
        return [];
      }
      const { answers } = latest;
      const expired = latest.named.flatMap((named): ExpiredBuilds[] => {
        const reason = expiryOf(named, answers, seen, quietPeriodMs);
        return reason === null ? [] : [{ named, reason }];
      });
      const isExpired = (each: NamedBuilds): boolean => expired.some(({ named }) => named === each);
      latest = { ...latest, named: latest.named.filter((each) => !isExpired(each)) };
      return expired;
    },
    forget() {
      latest = null;
    },
    isSteady: () => !isAsking && (latest === null || latest.named.length === 0),
    ownPeers: () => source?.ownPeers() ?? [],
    isSettled: () => source?.isSettled() ?? true,
  };
}

/** The part of a wait's state that decides when to ask. */
export interface BuildsNeed {
  readonly nowMs: number;
  readonly socketsQuietSinceMs: number | null;
  /** Whether the answer decides if a connection is a client. */
  readonly hasIdle: boolean;
  /** When the wait could end at the earliest, as things stand; null where it could not. */
  readonly drainedAtMs: number | null;
  /** Since when only a fresh answer is missing for the wait's end; null where more is. */
  readonly dueSinceMs: number | null;
  readonly progressDueMs: number;
}

const shortestPauseMs = 1000;
const idlePauseMs = 5000;

// A daemon that does not answer takes a second to fail, and would take another. Where none answered the
// last time, they are asked that much before the end of the quiet period, so that the wait is no longer.
const noAnswerMs = 1000;
const headStartMs = 1100;

/** When a wait has to ask: when the answer can matter, which is not at each poll. */
export function waitAskDueMs(
  latest: BuildsState | null,
  need: BuildsNeed,
  isRequired: boolean,
): number {
  const { nowMs, socketsQuietSinceMs, hasIdle, progressDueMs } = need;
  const { drainedAtMs, dueSinceMs } = need;
  if (latest === null || (dueSinceMs !== null && validUntilMs(latest) < dueSinceMs)) {
    return nowMs;
  }
  const { askedMs, answeredMs } = latest;
  const soonMs = answeredMs + shortestPauseMs;
  const hangsOnIt = latest.named.length > 0 || (isRequired && latest.answer.kind === 'unknown');
  const isQuiet = socketsQuietSinceMs !== null;
  const earlyMs = (drainedAtMs ?? -Infinity) - headStartMs;
  const dues = [
    isQuiet && (hangsOnIt || askedMs < socketsQuietSinceMs) ? soonMs : Infinity,
    hasIdle ? answeredMs + idlePauseMs : Infinity,
    hasNoAnswer(latest) && askedMs < earlyMs ? Math.max(answeredMs, earlyMs) : Infinity,
    askedMs < progressDueMs ? Math.max(soonMs, progressDueMs) : Infinity,
  ];
  return Math.min(...dues);
}

/** What the latest answer means for the quiet period: an error where the wait needs an answer. */
export function buildsReading(
  latest: BuildsState | null,
  isAsked: boolean,
  isRequired: boolean,
): Pick<CountedReading, 'builds' | 'askedMs' | 'endedMs'> | BackendError {
  // An unknown answer stays one while the daemon is asked again.
  if (isRequired && latest?.answer.kind === 'unknown' && latest.named.length === 0) {
    return latest.answer.error;
  }
  return {
    builds: latest !== null && latest.named.length > 0 ? 'running' : 'none',
    askedMs: !isAsked ? null : latest === null ? -Infinity : validUntilMs(latest),
    endedMs: latest?.endedMs ?? null,
  };
}

/** Up to when an answer counts: what failed would have failed a moment later, too. */
function validUntilMs(state: BuildsState): number {
  return hasNoAnswer(state) ? state.answeredMs + noAnswerMs : state.askedMs;
}

function hasNoAnswer({ answers }: BuildsState): boolean {
  return answers.every(({ answer }) => answer.kind === 'unknown');
}
