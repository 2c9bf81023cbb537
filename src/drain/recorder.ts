import type { EndedConnection, InspectError, Sample } from '../backends/types.ts';
import type { EndedWord } from './build-watch.ts';
import { buildsEvents } from './builds-events.ts';
import type { BuildsNote } from './builds-note.ts';
import { gapMs, type QuietRule, type QuietState, type Reading } from './quiet-period.ts';
import { clientsIn, isLeftOut, newcomersIn, type Roster } from './tracked.ts';
import { goneProbes, rosterEvents } from './tracked-events.ts';
import type { DrainEvent, DrainStatus, DrainTally } from './types.ts';

/** One full look, and what came of it. */
interface Entry {
  readonly sample: Sample;
  readonly reading: Reading;
  readonly roster: Roster;
  readonly builds: BuildsNote | null;
  readonly endedWords: readonly EndedWord[];
  readonly brief: readonly EndedConnection[];
  readonly isAsking: boolean;
  readonly before: QuietState;
  readonly after: QuietState;
}

/** Keeps what a wait has seen, and tells the events that are worth telling. It decides nothing. */
export interface Chronicle {
  readonly progressDueMs: () => number;
  record(entry: Entry): void;
  /** One more look that has found everything as it was. */
  countLook(): void;
  tally(nowMs: number): DrainTally;
}

export function createChronicle(
  startedMs: number,
  rule: QuietRule & { readonly progressEveryMs: number },
  onEvent: (event: DrainEvent) => void,
  onLook?: (status: DrainStatus) => void,
): Chronicle {
  let roster: Roster = [];
  let latest: Sample | null = null;
  let builds: BuildsNote | null = null;
  let polls = 0;
  let probes = 0;
  let mostConnections: number | null = null;
  let lost: { error: InspectError; sinceMs: number } | null = null;
  let progressDueMs = startedMs + rule.progressEveryMs;

  const recordGap = (before: QuietState, reading: Reading): void => {
    const gap = gapMs(before, reading.toMs);
    const hadLasted = (before.last?.toMs ?? 0) - (before.quietSinceMs ?? Infinity);
    if (gap > rule.maxGapMs && hadLasted > 0) {
      onEvent({ kind: 'unwatched', gapMs: gap });
    }
  };

  const recordSight = (reading: Reading): void => {
    const { toMs } = reading;
    if (reading.kind === 'failed' && reading.error.code !== lost?.error.code) {
      onEvent({ kind: 'sight-lost', error: reading.error, seen: reading.seen });
      lost = { error: reading.error, sinceMs: lost?.sinceMs ?? toMs };
    }
    if (reading.kind === 'counted' && lost !== null) {
      const connections = reading.clients;
      onEvent({ kind: 'sight-back', lostForMs: toMs - lost.sinceMs, connections });
      lost = null;
    }
  };

  const recordBuilds = ({ builds: note, endedWords, before, reading }: Entry): void => {
    const { quietPeriodMs } = rule;
    const { quietSinceMs } = before;
    const found = { note, endedWords, nowMs: reading.toMs, quietPeriodMs, quietSinceMs };
    buildsEvents(builds, found).forEach(onEvent);
    builds = note;
  };

  const recordRoster = ({ roster: now, brief, before }: Entry, status: DrainStatus): void => {
    if (brief.length > 0 && before.quietSinceMs !== null) {
      onEvent({ kind: 'brief-clients', clients: brief });
    }
    probes += goneProbes(roster, now);
    for (const event of rosterEvents(roster, now, status)) {
      if (event.kind !== 'changed' || polls > 1) {
        onEvent(event);
      }
    }
    roster = now;
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
        recordRoster(entry, status);
      }
      recordBuilds(entry);
      // That the builds are unknown is told as such: the clients were counted.
      if (!isAboutBuilds(reading, entry.builds)) {
        recordSight(reading);
      }
      // The line that is due names the builds, if the daemon can still be heard.
      if (toMs >= progressDueMs && !entry.isAsking) {
        onEvent({ kind: 'progress', ...status });
        progressDueMs = toMs + rule.progressEveryMs;
      }
      onLook?.(status);
    },
    countLook() {
      polls += 1;
    },
    tally: (nowMs) => ({
      nowMs,
      waitedMs: nowMs - startedMs,
      polls,
      mostConnections,
      probes,
      ...partsOf(roster),
      ...latestOf(builds),
      sample: latest,
    }),
  };
}

function statusOf(
  { sample, reading, roster, builds, after }: Entry,
  startedMs: number,
): DrainStatus {
  const { toMs } = reading;
  return {
    nowMs: toMs,
    waitedMs: toMs - startedMs,
    sample,
    ...partsOf(roster),
    ...latestOf(builds),
    quietForMs: after.quietSinceMs === null ? null : toMs - after.quietSinceMs,
  };
}

function partsOf(roster: Roster): Pick<DrainStatus, 'clients' | 'leftOut' | 'newcomers'> {
  return {
    clients: clientsIn(roster),
    leftOut: roster.filter(isLeftOut),
    newcomers: newcomersIn(roster),
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
  note: BuildsNote | null,
): Pick<DrainStatus, 'builds' | 'buildsAskedMs' | 'lastWords'> {
  return {
    builds: note?.answer ?? null,
    buildsAskedMs: note?.askedMs ?? null,
    lastWords: note?.words ?? [],
  };
}

function isAboutBuilds(reading: Reading, note: BuildsNote | null): boolean {
  const { answer } = note ?? {};
  return reading.kind === 'failed' && answer?.kind === 'unknown' && answer.error === reading.error;
}
