import {
  BackendError,
  type EndedConnection,
  type Sample,
  type Sampler,
} from '../backends/types.ts';
import { createShortLivedClients } from './brief-clients.ts';
import type { BuildWatch, ExpiredBuilds } from './build-watch.ts';
import { type ClassifyRule, isIdle } from './classify.ts';
import { classifyAll, noConnections } from './classify-all.ts';
import type { Clock } from './clock.ts';
import type { QuietRule, Reading } from './quiet-period.ts';
import { clientsIn, isNameless, pendingIn, type TrackedConnections } from './tracked.ts';
import type { DrainConfig } from './types.ts';

/** One full look, and what it comes to. */
export interface PollResult {
  readonly sample: Sample;
  readonly reading: Reading;
  readonly tracked: TrackedConnections;
  /**
   * Whether there are too many clients for any end of the wait until one of them is gone, and that
   * will be told without a look.
   */
  readonly isHeld: boolean;
  /** Since when the sockets show no more than the allowed clients; null where they do not. */
  readonly socketsQuietSinceMs: number | null;
  /** Whether the daemon's answer decides if somebody is a client. */
  readonly hasIdle: boolean;
  /** What the daemons once said that holds the wait no longer. */
  readonly expired: readonly ExpiredBuilds[];
  /** Clients that have come and gone since the look before. */
  readonly shortLived: readonly EndedConnection[];
  /** When to look in full again though no connection comes or goes, in milliseconds. */
  readonly reviewDueMs: number;
}

export interface PollStepInput {
  readonly sampler: Sampler;
  readonly builds: BuildWatch;
  readonly rule: QuietRule & ClassifyRule & Pick<DrainConfig, 'counts'>;
  readonly clock: Clock;
}

/**
 * Makes the function that looks: who is connected, what each is taken for, and what the daemon says.
 *
 * @param showsArrivals of the function: whether what is new now has come since the look before.
 */
export function createPollStep(
  input: PollStepInput,
): (showsArrivals: (toMs: number) => boolean) => PollResult {
  const { sampler, builds, rule, clock } = input;
  let last: Sample | null = null;
  const briefClients = createShortLivedClients();
  let classification = noConnections;
  let socketsQuietSinceMs: number | null = null;

  const count = (sample: Sample & { kind: 'counted' }, nowMs: number, isWatched: boolean): void => {
    const seen = {
      nowMs,
      connections: sample.connections.filter(rule.counts),
      isUnchanged: last?.kind === 'counted' && sample.revision === last.revision,
      showsArrivals: isWatched && last?.kind === 'counted',
      traffic: sampler.traffic,
      ownPeers: builds.ownPeers(),
      builds: builds.latest(),
    };
    classification = classifyAll(classification, seen, rule);
  };

  return (showsArrivals) => {
    const { tracked: before } = classification;
    const fromMs = clock.now();
    const sample = sampleOrFailure(sampler);
    const toMs = clock.now();
    if (sample.kind === 'counted') {
      count(sample, toMs, showsArrivals(toMs));
    } else if (sample.kind === 'gone') {
      classification = noConnections;
    }
    last = sample;

    const { tracked } = classification;
    const shortLived = briefClients({
      nowMs: toMs,
      ended: sampler.takeEnded().filter(rule.counts),
      before,
      builds: builds.latest(),
      ownPeers: builds.ownPeers(),
    });
    const clients = clientsIn(tracked);
    const isQuiet = sample.kind === 'counted' && clients.length <= rule.maxConnections;
    socketsQuietSinceMs = isQuiet ? (socketsQuietSinceMs ?? toMs) : null;
    const isDoubt = clients.every((entry) => isIdle(entry, toMs, rule));
    const hasIdle = isDoubt && tracked.some((entry) => isIdle(entry, toMs, rule));
    const expired = builds.expire({ nowMs: toMs, sample, tracked, socketsQuietSinceMs });

    const reading = readingOf({ fromMs, toMs }, { sample, tracked, shortLived }, input);
    const announced = clients.filter(({ connection }) => sampler.announcesEnd(connection));
    const isHeld = reading.kind === 'counted' && announced.length > rule.maxConnections;
    const { reviewDueMs } = classification;
    return {
      ...{ sample, reading, tracked, isHeld, socketsQuietSinceMs, hasIdle },
      ...{ expired, shortLived, reviewDueMs },
    };
  };
}

function sampleOrFailure(sampler: Sampler): Sample {
  try {
    return sampler.sample();
  } catch (cause) {
    const message = `a bug in buildkit-drain: ${cause instanceof Error ? cause.message : cause}`;
    const error = new BackendError('ERR_BUG', 'take a sample', message, { cause });
    return { kind: 'failed', error, results: [], connections: [] };
  }
}

function readingOf(
  times: { readonly fromMs: number; readonly toMs: number },
  { sample, tracked, shortLived }: Pick<PollResult, 'sample' | 'tracked' | 'shortLived'>,
  { builds, rule }: PollStepInput,
): Reading {
  if (sample.kind === 'gone') {
    return { kind: 'gone', ...times };
  }
  if (sample.kind === 'failed') {
    const seen = sample.connections.filter(rule.counts).length;
    return { kind: 'failed', error: sample.error, seen, ...times };
  }
  const clients = clientsIn(tracked).length;
  const said = builds.reading();
  if (said instanceof BackendError) {
    return { kind: 'failed', error: said, seen: clients, ...times };
  }
  const pending = pendingIn(tracked);
  // A connection without a name is nobody's in particular.
  const maybeOwn = builds.isSettled() ? [] : pending.filter(isNameless);
  return {
    kind: 'counted',
    clients,
    pending: pending.length,
    maybeOwn: maybeOwn.length,
    ...said,
    endedMs: shortLived.length > 0 ? times.toMs : said.endedMs,
    ...times,
  };
}
