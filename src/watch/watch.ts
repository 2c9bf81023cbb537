import type { Connection, Sample, Sampler } from '../backends/types.ts';
import type { BuildsSource } from '../builds/types.ts';
import { isSameAnswer } from '../drain/builds-note.ts';
import type { ClassifyRule } from '../drain/classify.ts';
import { type Classification, classifyAll, noConnections } from '../drain/classify-all.ts';
import type { Clock } from '../drain/clock.ts';
import {
  clientsIn,
  isNotCounted,
  pendingIn,
  type TrackedConnection,
  type TrackedConnections,
} from '../drain/tracked.ts';
import type { WatchEvent, WatchStatus } from '../drain/types.ts';
import { type Asker, createAsker } from './ask.ts';
import { countabilityChanges, trackedChanges } from './changes.ts';
import { createUnseenCount } from './unseen.ts';

export interface WatchInput {
  readonly sampler: Sampler;
  /** Asks the daemon which builds are running; null where it is not to be asked. */
  readonly builds: BuildsSource | null;
  /** Connections that no look has seen: at least so many, this program's own among them. */
  readonly seenBetweenPolls: () => number;
  /** How many of its own connections there may have been over TCP. */
  readonly tcpConnections: () => number;
  readonly rule: ClassifyRule;
  readonly intervalMs: number;
  readonly clock: Clock;
  /** Raised, it ends the watch. */
  readonly signal: AbortSignal;
  /** Hears how things stand after each look, and what has changed. */
  readonly onPoll: (status: WatchStatus, events: readonly WatchEvent[]) => void;
}

// To make sure that no daemon has come back takes reading about all processes.
const goneIntervalMs = 500;

// What is new after a longer pause may be as old as that.
const longestGapMs = 1000;

/** Looks until it is told to stop. A daemon that goes away may come back. */
export async function watch(input: WatchInput): Promise<void> {
  const { clock, signal, intervalMs, onPoll } = input;
  const asker = createAsker(input.builds, clock);
  const result = createLook(input, asker);
  let before: WatchStatus | null = null;
  let changedMs = -Infinity;
  signal.addEventListener('abort', () => clock.wake(), { once: true });

  while (!signal.aborted) {
    const { status, events } = result(before);
    before = status;
    onPoll(status, events);
    const { nowMs, sample, tracked } = status;
    if (events.some(({ kind }) => kind === 'changed' || kind === 'between-polls')) {
      changedMs = nowMs;
    }
    asker.askIfDue({ nowMs, sample, hasClients: tracked.length > 0, changedMs });
    if (!signal.aborted) {
      await clock.sleep(sample.kind === 'gone' ? Math.max(goneIntervalMs, intervalMs) : intervalMs);
    }
  }
}

type Look = (before: WatchStatus | null) => { status: WatchStatus; events: readonly WatchEvent[] };

function createLook(input: WatchInput, asker: Asker): Look {
  const { sampler, rule, clock, intervalMs } = input;
  const countUnseen = createUnseenCount(input.seenBetweenPolls, input.tcpConnections);
  let classification = noConnections;
  let told: TrackedConnections = [];
  let lostSinceMs: number | null = null;
  const startedMs = clock.now();

  const takeCensusOf = (
    sample: Sample,
    before: WatchStatus | null,
    nowMs: number,
  ): Classification => {
    const gapMs = nowMs - (before?.nowMs ?? -Infinity);
    return classifyAll(
      classification,
      {
        nowMs,
        connections: connectionsOf(sample, classification.tracked),
        isUnchanged:
          sample.kind === 'counted' &&
          before?.sample.kind === 'counted' &&
          sample.revision === before.sample.revision,
        showsArrivals: before?.sample.kind === 'counted' && gapMs < longestGapMs + 2 * intervalMs,
        traffic: sampler.traffic,
        ownPeers: asker.ownPeers(),
        builds: asker.latest(),
      },
      rule,
    );
  };

  return (before) => {
    const sample = sampler.sample();
    const nowMs = clock.now();
    classification = takeCensusOf(sample, before, nowMs);
    const known = classification.tracked.filter((entry) => isOthers(entry, input.builds !== null));
    const seenBetweenPolls = countUnseen(nowMs);
    const said = asker.latest();
    const tracked = known.filter(({ connection }) => isSeen(sample, connection.endpoint));
    const status: WatchStatus = {
      ...{ nowMs, waitedMs: nowMs - startedMs, sample, tracked, seenBetweenPolls },
      ...{ clients: clientsIn(tracked), pending: pendingIn(tracked) },
      notCounted: tracked.filter(isNotCounted),
      builds: said?.answer ?? null,
      buildsAskedMs: said?.askedMs ?? null,
      namedBuilds: said?.named ?? [],
      quietForMs: null,
    };
    const lostForMs = nowMs - (lostSinceMs ?? nowMs);
    lostSinceMs = sample.kind === 'failed' ? (lostSinceMs ?? nowMs) : null;
    const events: readonly WatchEvent[] = [
      ...(before === null
        ? [{ kind: 'started', ...status } as const]
        : [
            ...trackedChanges(told, known, status),
            ...countabilityChanges(before.sample, sample, lostForMs, status.clients.length),
          ]),
      ...betweenChanges(before, status),
      ...buildsChanges(before, status),
    ];
    told = known;
    return { status, events };
  };
}

/** Where an endpoint could not be seen, its connections may be there still. */
function connectionsOf(sample: Sample, before: TrackedConnections): readonly Connection[] {
  if (sample.kind === 'gone') {
    return [];
  }
  const unseen = before
    .map(({ connection }) => connection)
    .filter(({ endpoint }) => !isSeen(sample, endpoint));
  return unseen.length === 0 ? sample.connections : [...sample.connections, ...unseen];
}

/** An endpoint that is not looked at any more has no connections; one that failed may. */
function isSeen({ results }: Sample, address: string): boolean {
  return results.every((result) => result.kind === 'polled' || result.endpoint.address !== address);
}

// A connection without a name may be our own question, for as long as that may take.
function isOthers({ kind, connection }: TrackedConnection, asks: boolean): boolean {
  const isVague = kind === 'pending' && connection.peer === null && asks;
  return kind !== 'own' && !isVague;
}

function betweenChanges(before: WatchStatus | null, now: WatchStatus): WatchEvent[] {
  const more = now.seenBetweenPolls - (before?.seenBetweenPolls ?? 0);
  return more > 0 ? [{ kind: 'between-polls', more, total: now.seenBetweenPolls }] : [];
}

function buildsChanges(before: WatchStatus | null, now: WatchStatus): WatchEvent[] {
  const { builds, namedBuilds, nowMs } = now;
  const isNew = builds !== null && !isSameAnswer(before?.builds ?? undefined, builds);
  return isNew ? [{ kind: 'builds', answer: builds, namedBuilds, nowMs }] : [];
}
