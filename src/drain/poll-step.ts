import {
  type EndedConnection,
  InspectError,
  type Sample,
  type Sampler,
} from '../backends/types.ts';
import { createBriefClients } from './brief-clients.ts';
import type { BuildWatch, EndedWord } from './build-watch.ts';
import { isDoubtful, type StandingRule } from './classify.ts';
import { emptyCensus, takeCensus } from './classify-all.ts';
import type { Clock } from './clock.ts';
import type { QuietRule, Reading } from './quiet-period.ts';
import { clientsIn, isNameless, newcomersIn, type Roster } from './tracked.ts';
import type { DrainConfig } from './types.ts';

/** One full look, and what it comes to. */
export interface Observation {
  readonly sample: Sample;
  readonly reading: Reading;
  readonly roster: Roster;
  /**
   * Whether there are too many clients for any end of the wait until one of them is gone, and that
   * will be told without a look.
   */
  readonly isHeld: boolean;
  /** Since when the sockets show no more than the allowed clients; null where they do not. */
  readonly socketsQuietSinceMs: number | null;
  /** Whether the daemon's answer decides if somebody is a client. */
  readonly hasDoubtful: boolean;
  /** What the daemons once said that holds the wait no longer. */
  readonly endedWords: readonly EndedWord[];
  /** Clients that have come and gone since the look before. */
  readonly brief: readonly EndedConnection[];
  /** When to look in full again though no connection comes or goes, in milliseconds. */
  readonly reviewDueMs: number;
}

export interface ObserverInput {
  readonly sampler: Sampler;
  readonly builds: BuildWatch;
  readonly rule: QuietRule & StandingRule & Pick<DrainConfig, 'counts'>;
  readonly clock: Clock;
}

/**
 * Makes the function that looks: who is connected, what each is taken for, and what the daemon says.
 *
 * @param showsArrivals of the function: whether what is new now has come since the look before.
 */
export function createObserver(
  input: ObserverInput,
): (showsArrivals: (toMs: number) => boolean) => Observation {
  const { sampler, builds, rule, clock } = input;
  let last: Sample | null = null;
  const briefClients = createBriefClients();
  let census = emptyCensus;
  let socketsQuietSinceMs: number | null = null;

  const count = (sample: Sample & { kind: 'counted' }, nowMs: number, isWatched: boolean): void => {
    const seen = {
      nowMs,
      connections: sample.connections.filter(rule.counts),
      isUnchanged: sample === last,
      showsArrivals: isWatched && last?.kind === 'counted',
      traffic: sampler.traffic,
      ownPeers: builds.ownPeers(),
      builds: builds.latest(),
    };
    census = takeCensus(census, seen, rule);
  };

  return (showsArrivals) => {
    const { roster: before } = census;
    const fromMs = clock.now();
    const sample = sampleOrFailure(sampler);
    const toMs = clock.now();
    if (sample.kind === 'counted') {
      count(sample, toMs, showsArrivals(toMs));
    } else if (sample.kind === 'gone') {
      census = emptyCensus;
    }
    last = sample;

    const { roster } = census;
    const brief = briefClients({
      nowMs: toMs,
      ended: sampler.endedTraffic().filter(rule.counts),
      before,
      builds: builds.latest(),
      ownPeers: builds.ownPeers(),
    });
    const clients = clientsIn(roster);
    const isQuiet = sample.kind === 'counted' && clients.length <= rule.maxConnections;
    socketsQuietSinceMs = isQuiet ? (socketsQuietSinceMs ?? toMs) : null;
    const isDoubt = clients.every((entry) => isDoubtful(entry, toMs, rule));
    const hasDoubtful = isDoubt && roster.some((entry) => isDoubtful(entry, toMs, rule));
    const endedWords = builds.endWords({ nowMs: toMs, sample, roster, socketsQuietSinceMs });

    const reading = readingOf({ fromMs, toMs }, { sample, roster, brief }, input);
    const announced = clients.filter(({ connection }) => sampler.announcesEnd(connection));
    const isHeld = reading.kind === 'counted' && announced.length > rule.maxConnections;
    const { reviewDueMs } = census;
    return {
      ...{ sample, reading, roster, isHeld, socketsQuietSinceMs, hasDoubtful },
      ...{ endedWords, brief, reviewDueMs },
    };
  };
}

function sampleOrFailure(sampler: Sampler): Sample {
  try {
    return sampler.sample();
  } catch (cause) {
    const message = `a bug in buildkit-drain: ${cause instanceof Error ? cause.message : cause}`;
    const error = new InspectError('ERR_BUG', 'take a sample', message, { cause });
    return { kind: 'failed', error, looks: [], connections: [] };
  }
}

function readingOf(
  times: { readonly fromMs: number; readonly toMs: number },
  { sample, roster, brief }: Pick<Observation, 'sample' | 'roster' | 'brief'>,
  { builds, rule }: ObserverInput,
): Reading {
  if (sample.kind === 'gone') {
    return { kind: 'gone', ...times };
  }
  if (sample.kind === 'failed') {
    const seen = sample.connections.filter(rule.counts).length;
    return { kind: 'failed', error: sample.error, seen, ...times };
  }
  const clients = clientsIn(roster).length;
  const said = builds.reading();
  if (said instanceof InspectError) {
    return { kind: 'failed', error: said, seen: clients, ...times };
  }
  const newcomers = newcomersIn(roster);
  // A connection without a name is nobody's in particular.
  const maybeOwn = builds.isSettled() ? [] : newcomers.filter(isNameless);
  return {
    kind: 'counted',
    clients,
    newcomers: newcomers.length,
    maybeOwn: maybeOwn.length,
    ...said,
    endedMs: brief.length > 0 ? times.toMs : said.endedMs,
    ...times,
  };
}
