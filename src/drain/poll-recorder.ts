import type { Sample } from '../backends/types.ts';
import type { ClassifyRule } from './classify.ts';
import { type BuildsState, isSameAnswer } from './named-builds.ts';
import {
  byKey,
  clientsIn,
  compareTracked,
  isClient,
  isNotCounted,
  oldestFirst,
  pendingIn,
  type TrackedConnection,
  type TrackedConnections,
} from './tracked.ts';
import type { CommonEvent, DrainStatus } from './types.ts';

/** A full poll as it is recorded. */
interface RecordedPoll {
  readonly toMs: number;
  readonly sample: Sample;
  /** The connections that are reported. */
  readonly tracked: TrackedConnections;
  readonly all: TrackedConnections;
  readonly builds: BuildsState | null;
  readonly quietForMs: number | null;
}

export interface RecorderInput {
  readonly startedMs: number;
  readonly rule: Pick<ClassifyRule, 'counts'>;
  /** Which connections `changed` names when they come and go. */
  readonly isNamed: (entry: TrackedConnection) => boolean;
}

/** What a wait and a watch report alike: the state after a poll, and what has changed since the one before. */
export function createPollRecorder({
  startedMs,
  rule,
  isNamed,
}: RecorderInput): (poll: RecordedPoll) => { status: DrainStatus; events: CommonEvent[] } {
  let tracked: TrackedConnections | null = null;
  let builds: BuildsState | null = null;
  let failed: { code: string; sinceMs: number } | null = null;
  let wasGone = false;

  const countEvents = (status: DrainStatus): CommonEvent[] => {
    const { nowMs, sample } = status;
    const before = failed;
    const isAfterGone = wasGone;
    wasGone = sample.kind === 'gone';
    if (sample.kind === 'failed') {
      const { error } = sample;
      failed = { code: error.code, sinceMs: before?.sinceMs ?? nowMs };
      const isSame = before?.code === error.code && !isAfterGone;
      const seen = sample.connections.filter(rule.counts).length;
      return isSame ? [] : [{ kind: 'count-failed', error, seen }];
    }
    if (sample.kind === 'gone' || before === null) {
      return [];
    }
    failed = null;
    return [{ kind: 'count-recovered', lostForMs: nowMs - before.sinceMs, ...status }];
  };

  return (poll) => {
    const status = statusOf(poll, startedMs);
    const events: CommonEvent[] = tracked === null ? [{ kind: 'started', ...status }] : [];
    const changes = trackedEvents(tracked ?? [], poll.tracked, status, isNamed);
    events.push(...changes.filter(({ kind }) => kind !== 'changed' || tracked !== null));
    events.push(...buildsEvents(builds, poll.builds, status), ...countEvents(status));
    tracked = poll.tracked;
    builds = poll.builds;
    return { status, events };
  };
}

function statusOf(
  { toMs, sample, tracked, all, builds, quietForMs }: RecordedPoll,
  startedMs: number,
): DrainStatus {
  return {
    nowMs: toMs,
    waitedMs: toMs - startedMs,
    sample,
    clients: oldestFirst(clientsIn(tracked), toMs),
    notCounted: oldestFirst(tracked.filter(isNotCounted), toMs),
    pending: oldestFirst(pendingIn(tracked), toMs),
    all,
    builds: builds?.answer ?? null,
    buildsAskedMs: builds?.askedMs ?? null,
    namedBuilds: builds?.named ?? [],
    quietForMs,
  };
}

function buildsEvents(
  before: BuildsState | null,
  now: BuildsState | null,
  { nowMs }: DrainStatus,
): CommonEvent[] {
  if (now === null || isSameAnswer(before?.answer, now.answer)) {
    return [];
  }
  return [{ kind: 'builds', answer: now.answer, namedBuilds: now.named, nowMs }];
}

function trackedEvents(
  before: TrackedConnections,
  now: TrackedConnections,
  status: DrainStatus,
  isNamed: (entry: TrackedConnection) => boolean,
): CommonEvent[] {
  if (areSameKinds(before, now)) {
    return [];
  }
  const known = byKey(before);
  const kinds = now.flatMap((entry): CommonEvent[] => {
    const kind = kindEventOf(known.get(entry.key), entry, isNamed);
    return kind === null ? [] : [{ kind, entry, ...status }];
  });
  const keys = byKey(now);
  const [named, namedNow] = [before.filter(isNamed), now.filter(isNamed)];
  const change = compareTracked(named, namedNow);
  const arrived = change.arrived.filter(({ key }) => !isKnownAsNotCounted(known.get(key)));
  const left = change.left.filter(({ key }) => !keys.has(key));
  if (arrived.length === 0 && left.length === 0 && named.length === namedNow.length) {
    return kinds;
  }
  return [
    ...kinds,
    { kind: 'changed', before: clientsIn(before).length, arrived, left, ...status },
  ];
}

/** Most polls of many connections find the same ones: not each of them should search for each. */
function areSameKinds(before: TrackedConnections, now: TrackedConnections): boolean {
  return (
    before.length === now.length &&
    now.every(({ key, kind }, at) => before[at]?.key === key && before[at]?.kind === kind)
  );
}

/** What is reported of one connection by itself. One that `changed` names as new has its kind there. */
function kindEventOf(
  before: TrackedConnection | undefined,
  now: TrackedConnection,
  isNamed: (entry: TrackedConnection) => boolean,
): 'not-counted' | 'counted-again' | 'counted' | null {
  if (now.kind === before?.kind || (before === undefined && isNamed(now))) {
    return null;
  }
  if (isNotCounted(now)) {
    return 'not-counted';
  }
  if (!isClient(now) || before === undefined) {
    return null;
  }
  return isNotCounted(before) ? 'counted-again' : isNamed(before) ? 'counted' : null;
}

function isKnownAsNotCounted(entry: TrackedConnection | undefined): boolean {
  return entry !== undefined && isNotCounted(entry);
}
