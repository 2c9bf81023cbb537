import type { Connection, Sample, Sampler } from '../backends/types.ts';
import type { BuildsSource } from '../builds/types.ts';
import { saysTheSame } from '../drain/builds-note.ts';
import type { StandingRule } from '../drain/classify.ts';
import { type Census, emptyCensus, takeCensus } from '../drain/classify-all.ts';
import type { Clock } from '../drain/clock.ts';
import type { Roster, RosterEntry } from '../drain/tracked.ts';
import { type Asker, createAsker } from './ask.ts';
import { rosterChanges, sightChanges } from './changes.ts';
import type { Scene, WatchEvent } from './types.ts';
import { createUnseenCount } from './unseen.ts';

export interface WatchInput {
  readonly sampler: Sampler;
  /** Asks the daemon which builds are running; null where it is not to be asked. */
  readonly builds: BuildsSource | null;
  /** Connections that no look has seen: at least so many, this program's own among them. */
  readonly seenBetweenLooks: () => number;
  /** How many of its own connections there may have been over TCP. */
  readonly tcpConnections: () => number;
  readonly rule: StandingRule;
  readonly intervalMs: number;
  readonly clock: Clock;
  /** Raised, it ends the watch. */
  readonly signal: AbortSignal;
  /** Hears how things stand after each look, and what has changed. */
  readonly onLook: (scene: Scene, events: readonly WatchEvent[]) => void;
}

// To make sure that no daemon has come back takes reading about all processes.
const goneIntervalMs = 500;

// What is new after a longer pause may be as old as that.
const longestGapMs = 1000;

/** Looks until it is told to stop. A daemon that goes away may come back. */
export async function watch(input: WatchInput): Promise<void> {
  const { clock, signal, intervalMs, onLook } = input;
  const asker = createAsker(input.builds, clock);
  const look = createLook(input, asker);
  let before: Scene | null = null;
  let changedMs = -Infinity;
  signal.addEventListener('abort', () => clock.wake(), { once: true });

  while (!signal.aborted) {
    const { scene, events } = look(before);
    before = scene;
    onLook(scene, events);
    const { nowMs, sample, roster } = scene;
    if (events.some(({ kind }) => kind === 'changed' || kind === 'between-looks')) {
      changedMs = nowMs;
    }
    asker.askIfDue({ nowMs, sample, hasClients: roster.length > 0, changedMs });
    if (!signal.aborted) {
      await clock.sleep(sample.kind === 'gone' ? Math.max(goneIntervalMs, intervalMs) : intervalMs);
    }
  }
}

type Look = (before: Scene | null) => { scene: Scene; events: readonly WatchEvent[] };

function createLook(input: WatchInput, asker: Asker): Look {
  const { sampler, rule, clock, intervalMs } = input;
  const countUnseen = createUnseenCount(input.seenBetweenLooks, input.tcpConnections);
  let census = emptyCensus;
  let told: Roster = [];

  const takeCensusOf = (sample: Sample, before: Scene | null, nowMs: number): Census => {
    const gapMs = nowMs - (before?.nowMs ?? -Infinity);
    return takeCensus(
      census,
      {
        nowMs,
        connections: connectionsOf(sample, census.roster),
        isUnchanged: sample === before?.sample,
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
    census = takeCensusOf(sample, before, nowMs);
    const known = census.roster.filter((entry) => isOthers(entry, input.builds !== null));
    const seenBetweenLooks = countUnseen(nowMs);
    const builds = asker.latest()?.answer ?? null;
    const roster = known.filter(({ connection }) => isSeen(sample, connection.endpoint));
    const scene = { nowMs, sample, roster, builds, seenBetweenLooks };
    const events: readonly WatchEvent[] = [
      ...(before === null
        ? [{ kind: 'started' } as const]
        : [...rosterChanges(told, known), ...sightChanges(before.sample, sample)]),
      ...betweenChanges(before, scene),
      ...buildsChanges(before, scene),
    ];
    told = known;
    return { scene, events };
  };
}

/** Where an endpoint could not be seen, its connections may be there still. */
function connectionsOf(sample: Sample, before: Roster): readonly Connection[] {
  if (sample.kind === 'gone') {
    return [];
  }
  const unseen = before
    .map(({ connection }) => connection)
    .filter(({ endpoint }) => !isSeen(sample, endpoint));
  return unseen.length === 0 ? sample.connections : [...sample.connections, ...unseen];
}

/** An endpoint that is not looked at any more has no connections; one that failed may. */
function isSeen({ looks }: Sample, address: string): boolean {
  return looks.every((look) => look.kind === 'seen' || look.endpoint.address !== address);
}

// A connection without a name may be our own question, for as long as that may take.
function isOthers({ standing, connection }: RosterEntry, asks: boolean): boolean {
  const isVague = standing === 'newcomer' && connection.peer === null && asks;
  return standing !== 'own' && !isVague;
}

function betweenChanges(before: Scene | null, now: Scene): WatchEvent[] {
  const more = now.seenBetweenLooks - (before?.seenBetweenLooks ?? 0);
  return more > 0 ? [{ kind: 'between-looks', more }] : [];
}

function buildsChanges(before: Scene | null, { builds }: Scene): WatchEvent[] {
  const isNew = builds !== null && !saysTheSame(before?.builds ?? undefined, builds);
  return isNew ? [{ kind: 'builds', answer: builds }] : [];
}
