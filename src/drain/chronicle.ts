import type { InspectError, Sample } from '../inspect/types.ts';
import {
  countedConnections,
  gapMs,
  isSameSample,
  type QuietRule,
  type QuietState,
  type TimedSample,
} from './quiet-period.ts';
import { type Roster, updateRoster } from './roster.ts';
import type { DrainEvent, DrainStatus, DrainTally } from './types.ts';

/** Keeps what a wait has seen, and tells the events that are worth telling. It decides nothing. */
export interface Chronicle {
  record(before: QuietState, taken: TimedSample, after: QuietState): void;
  tally(nowMs: number): DrainTally;
}

export function createChronicle(
  startedMs: number,
  rule: QuietRule & { readonly progressEveryMs: number },
  onEvent: (event: DrainEvent) => void,
): Chronicle {
  let roster: Roster = [];
  let latest: Sample | null = null;
  let polls = 0;
  let mostConnections: number | null = null;
  let lost: { error: InspectError; sinceMs: number } | null = null;
  let progressDueMs = startedMs + rule.progressEveryMs;

  const recordGap = (before: QuietState, taken: TimedSample): void => {
    const gap = gapMs(before, taken);
    const hadLasted = (before.last?.toMs ?? 0) - (before.quietSinceMs ?? Infinity);
    if (gap > rule.maxGapMs && hadLasted > 0) {
      onEvent({ kind: 'unwatched', gapMs: gap });
    }
  };

  const recordSight = ({ sample, toMs }: TimedSample): void => {
    if (sample.kind === 'failed' && sample.error.code !== lost?.error.code) {
      onEvent({ kind: 'sight-lost', error: sample.error, seen: sample.connections.length });
      lost = { error: sample.error, sinceMs: lost?.sinceMs ?? toMs };
    }
    if (sample.kind === 'counted' && lost !== null) {
      const connections = countedConnections(sample, rule).length;
      onEvent({ kind: 'sight-back', lostForMs: toMs - lost.sinceMs, connections });
      lost = null;
    }
  };

  const recordRoster = ({ sample, toMs }: TimedSample, status: () => DrainStatus): void => {
    const connections = countedConnections(sample, rule);
    if (sample.kind === 'counted' || connections.length > 0) {
      mostConnections = Math.max(mostConnections ?? 0, connections.length);
    }
    if (sample.kind === 'failed') {
      return;
    }
    const before = roster.length;
    const change = updateRoster(roster, connections, toMs);
    const { arrived, left } = change;
    roster = change.roster;
    const isChanged = before !== roster.length || arrived.length > 0 || left.length > 0;
    if (isChanged && polls > 1) {
      onEvent({ kind: 'changed', before, arrived, left, ...status() });
    }
  };

  return {
    record(before, taken, after) {
      const { toMs } = taken;
      const status = (): DrainStatus => ({
        nowMs: toMs,
        waitedMs: toMs - startedMs,
        sample: taken.sample,
        roster,
        quietForMs: after.quietSinceMs === null ? null : toMs - after.quietSinceMs,
      });
      polls += 1;
      latest = taken.sample;
      recordGap(before, taken);
      if (!isSameSample(before, taken)) {
        recordRoster(taken, status);
      }
      if (polls === 1) {
        onEvent({ kind: 'started', ...status() });
      }
      recordSight(taken);
      if (toMs >= progressDueMs) {
        onEvent({ kind: 'progress', ...status() });
        progressDueMs = toMs + rule.progressEveryMs;
      }
    },
    tally: (nowMs) => ({
      nowMs,
      waitedMs: nowMs - startedMs,
      polls,
      mostConnections,
      roster,
      sample: latest,
    }),
  };
}
