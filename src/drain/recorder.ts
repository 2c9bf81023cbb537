import type { BackendError, EndedConnection, Sample } from '../backends/types.ts';
import type { ExpiredBuilds } from './build-watch.ts';
import { buildsEvents } from './builds-events.ts';
import type { BuildsState } from './builds-note.ts';
import { gapMs, type QuietRule, type QuietState, type Reading } from './quiet-period.ts';
import { clientsIn, isNotCounted, pendingIn, type TrackedConnections } from './tracked.ts';
import { goneProbes, trackedEvents } from './tracked-events.ts';
import type { DrainEvent, DrainStats, DrainStatus } from './types.ts';

/** One full look, and what came of it. */
interface Entry {
  readonly sample: Sample;
  readonly reading: Reading;
  readonly tracked: TrackedConnections;
  readonly builds: BuildsState | null;
  readonly expired: readonly ExpiredBuilds[];
  readonly shortLived: readonly EndedConnection[];
  readonly isAsking: boolean;
  readonly before: QuietState;
  readonly after: QuietState;
}

/** Keeps what a wait has seen, and tells the events that are worth telling. It decides nothing. */
export interface DrainRecorder {
  readonly progressDueMs: () => number;
  record(entry: Entry): void;
  /** One more look that has found everything as it was. */
  countPoll(): void;
  stats(nowMs: number): DrainStats;
}

export function createDrainRecorder(
  startedMs: number,
  rule: QuietRule & { readonly progressEveryMs: number },
  onEvent: (event: DrainEvent) => void,
  onPoll?: (status: DrainStatus) => void,
): DrainRecorder {
  let tracked: TrackedConnections = [];
  let latest: Sample | null = null;
  let builds: BuildsState | null = null;
  let polls = 0;
  let probes = 0;
  let mostConnections: number | null = null;
  let lost: { error: BackendError; sinceMs: number } | null = null;
  let progressDueMs = startedMs + rule.progressEveryMs;

  const recordGap = (before: QuietState, reading: Reading): void => {
    const gap = gapMs(before, reading.toMs);
    const hadLasted = (before.last?.toMs ?? 0) - (before.quietSinceMs ?? Infinity);
    if (gap > rule.maxGapMs && hadLasted > 0) {
      onEvent({ kind: 'sampling-gap', gapMs: gap });
    }
  };

  const recordCountability = (reading: Reading): void => {
    const { toMs } = reading;
    if (reading.kind === 'failed' && reading.error.code !== lost?.error.code) {
      onEvent({ kind: 'count-failed', error: reading.error, seen: reading.seen });
      lost = { error: reading.error, sinceMs: lost?.sinceMs ?? toMs };
    }
    if (reading.kind === 'counted' && lost !== null) {
      const connections = reading.clients;
      onEvent({ kind: 'count-recovered', lostForMs: toMs - lost.sinceMs, connections });
      lost = null;
    }
  };

  const recordBuilds = ({ builds: note, expired, before, reading }: Entry): void => {
    const { quietSinceMs } = before;
    const found = { note, expired, nowMs: reading.toMs, quietSinceMs };
    buildsEvents(builds, found).forEach(onEvent);
    builds = note;
  };

  const recordTracked = (
    { tracked: now, shortLived, before }: Entry,
    status: DrainStatus,
  ): void => {
    if (shortLived.length > 0 && before.quietSinceMs !== null) {
      onEvent({ kind: 'short-lived-clients', clients: shortLived });
    }
    probes += goneProbes(tracked, now);
    for (const event of trackedEvents(tracked, now, status)) {
      if (event.kind !== 'changed' || polls > 1) {
        onEvent(event);
      }
    }
    tracked = now;
  };

  return {
    progressDueMs: () => progressDueMs,
    record(entry) {
      const { sample, reading, before } = entry;
      const { toMs } = reading;
      const status = statusOf(entry, startedMs);
      polls += 1;
      latest = sample;
      mostConnections = mostSeen(mostConnections, reading);
      recordGap(before, reading);
      if (polls === 1) {
        onEvent({ kind: 'started', ...status });
      }
      if (sample.kind !== 'failed') {
        recordTracked(entry, status);
      }
      recordBuilds(entry);
      // That the builds are unknown is told as such: the clients were counted.
      if (!isAboutBuilds(reading, entry.builds)) {
        recordCountability(reading);
      }
      // The line that is due names the builds, if the daemon can still be heard.
      if (toMs >= progressDueMs && !entry.isAsking) {
        onEvent({ kind: 'progress', ...status });
        progressDueMs = toMs + rule.progressEveryMs;
      }
      onPoll?.(status);
    },
    countPoll() {
      polls += 1;
    },
    stats: (nowMs) => ({
      nowMs,
      waitedMs: nowMs - startedMs,
      polls,
      mostConnections,
      probes,
      ...partsOf(tracked),
      ...latestOf(builds),
      sample: latest,
    }),
  };
}

function statusOf(
  { sample, reading, tracked, builds, after }: Entry,
  startedMs: number,
): DrainStatus {
  const { toMs } = reading;
  return {
    nowMs: toMs,
    waitedMs: toMs - startedMs,
    sample,
    ...partsOf(tracked),
    ...latestOf(builds),
    quietForMs: after.quietSinceMs === null ? null : toMs - after.quietSinceMs,
  };
}

function partsOf(
  tracked: TrackedConnections,
): Pick<DrainStatus, 'clients' | 'notCounted' | 'pending'> {
  return {
    clients: clientsIn(tracked),
    notCounted: tracked.filter(isNotCounted),
    pending: pendingIn(tracked),
  };
}

/** Null until something was seen. What failed is no zero. */
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

function latestOf(
  note: BuildsState | null,
): Pick<DrainStatus, 'builds' | 'buildsAskedMs' | 'namedBuilds'> {
  return {
    builds: note?.answer ?? null,
    buildsAskedMs: note?.askedMs ?? null,
    namedBuilds: note?.named ?? [],
  };
}

function isAboutBuilds(reading: Reading, note: BuildsState | null): boolean {
  const { answer } = note ?? {};
  return reading.kind === 'failed' && answer?.kind === 'unknown' && answer.error === reading.error;
}
