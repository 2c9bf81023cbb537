import type { Assessment } from './assess.ts';
import type { ClassifyRule } from './classify.ts';
import type { BuildsState } from './named-builds.ts';
import { createPollRecorder } from './poll-recorder.ts';
import type { PollResult } from './poll-step.ts';
import { gapMs, type QuietRule, type QuietState, type Reading } from './quiet-period.ts';
import { byKey, isClient, isNameless, type TrackedConnections } from './tracked.ts';
import type { DrainEvent, DrainStats, DrainStatus } from './types.ts';

/** A full poll, and what it led to. */
interface Entry extends PollResult, Assessment {
  readonly builds: BuildsState | null;
  readonly isAsking: boolean;
  readonly before: QuietState;
  readonly after: QuietState;
}

/** Keeps what a wait has seen, and reports events. It decides nothing. */
export interface DrainRecorder {
  readonly progressDueMs: () => number;
  record(entry: Entry): void;
  /** Polls that found no change. */
  countPolls(count: number): void;
  stats(nowMs: number): DrainStats;
}

export function createDrainRecorder(
  startedMs: number,
  rule: QuietRule & Pick<ClassifyRule, 'counts'> & { readonly progressEveryMs: number },
  onEvent: (event: DrainEvent) => void,
  onPoll?: (status: DrainStatus) => void,
): DrainRecorder {
  const recordPoll = createPollRecorder({ startedMs, rule, isNamed: isClient });
  let latest: DrainStatus | null = null;
  let tracked: TrackedConnections = [];
  let polls = 0;
  let probes = 0;
  let mostConnections: number | null = null;
  let progressDueMs = startedMs + rule.progressEveryMs;

  const recordBreaks = ({ before, reading, shortLived }: Entry): void => {
    const gap = gapMs(before, reading.toMs);
    const hadLasted = (before.last?.toMs ?? 0) - (before.quietSinceMs ?? Infinity);
    if (gap > rule.maxGapMs && hadLasted > 0) {
      onEvent({ kind: 'sampling-gap', gapMs: gap });
    }
    if (shortLived.length > 0 && before.quietSinceMs !== null) {
      onEvent({ kind: 'short-lived-clients', clients: shortLived });
    }
  };

  const recordBuilds = ({ builds, expired, before, toMs }: Entry): void => {
    for (const each of expired) {
      onEvent({ kind: 'named-builds-expired', ...each });
    }
    const endedMs = builds?.endedMs ?? null;
    if (endedMs !== null && before.quietSinceMs !== null && endedMs > before.quietSinceMs) {
      onEvent({ kind: 'build-recorded', endedAgoMs: toMs - endedMs });
    }
  };

  return {
    progressDueMs: () => progressDueMs,
    record(entry) {
      const { toMs, after, reading, isAsking } = entry;
      const quietForMs = after.quietSinceMs === null ? null : toMs - after.quietSinceMs;
      polls += 1;
      probes += endedProbes(tracked, entry.tracked);
      mostConnections = mostSeen(mostConnections, reading);
      tracked = entry.tracked;
      const { status, events } = recordPoll({ ...entry, all: tracked, quietForMs });
      latest = status;
      recordBreaks(entry);
      events.forEach(onEvent);
      recordBuilds(entry);
      // If the daemon is being asked, the progress event waits for its answer.
      if (toMs >= progressDueMs && !isAsking) {
        onEvent({ kind: 'progress', ...status });
        progressDueMs = toMs + rule.progressEveryMs;
      }
      onPoll?.(status);
    },
    countPolls(count) {
      polls += count;
    },
    stats(nowMs) {
      const { quietForMs: _, ...status } = latest ?? nothingYet;
      return { ...status, nowMs, waitedMs: nowMs - startedMs, polls, mostConnections, probes };
    },
  };
}

const nothingYet = {
  ...{ sample: null, clients: [], notCounted: [], pending: [], all: [] },
  ...{ builds: null, buildsAskedMs: null, namedBuilds: [], quietForMs: null },
};

/** How many connections ended so young that they may have been probes. */
function endedProbes(before: TrackedConnections, now: TrackedConnections): number {
  const keys = byKey(now);
  // A nameless one gets another key when it is accepted: that it ended is not certain.
  const probes = before.filter((entry) => entry.kind === 'pending' && !isNameless(entry));
  return probes.filter(({ key }) => !keys.has(key)).length;
}

/** Null until a connection could be counted: a failure is no zero. */
function mostSeen(before: number | null, reading: Reading): number | null {
  switch (reading.kind) {
    case 'counted':
      return Math.max(before ?? 0, reading.clients);
    case 'failed':
      return reading.seen > 0 ? Math.max(before ?? 0, reading.seen) : before;
    case 'gone':
      return before;
  }
}
