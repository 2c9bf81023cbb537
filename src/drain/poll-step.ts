import { BackendError, type Sample, type Sampler } from '../backends/types.ts';
import type { BuildWatch } from './build-watch.ts';
import type { ClassifyRule } from './classify.ts';
import { type Classification, classifyAll, noConnections, watchedDueMs } from './classify-all.ts';
import type { Clock } from './clock.ts';
import type { TrackedConnections } from './tracked.ts';

/** A full poll: a sample, when taking it began and ended, and what its connections count as. */
export interface PollResult {
  readonly fromMs: number;
  readonly toMs: number;
  readonly sample: Sample;
  readonly tracked: TrackedConnections;
  /** When the next full poll is due although no connection comes or goes, in milliseconds. */
  readonly reviewDueMs: number;
  /** The same for as long as no traffic moves, either. */
  readonly watchedDueMs: () => number;
  /** Notes that the traffic was seen again at this moment, as it was read. */
  readonly noteUnmoved: (ms: number) => void;
}

export interface PollStepInput {
  readonly sampler: Sampler;
  readonly builds: BuildWatch;
  readonly rule: ClassifyRule;
  readonly clock: Clock;
}

/**
 * Makes the function that polls, the same for a wait and a watch.
 *
 * @param showsArrivals of the function: whether the poll before is recent enough at this moment to
 * tell that what is new now came since.
 */
export function createPollStep({
  sampler,
  builds,
  rule,
  clock,
}: PollStepInput): (showsArrivals: (toMs: number) => boolean) => PollResult {
  let last: Sample | null = null;
  let classification: Classification = noConnections;

  return (showsArrivals) => {
    const fromMs = clock.now();
    const sample = sampleOrFailure(sampler);
    const toMs = clock.now();
    const seen = {
      nowMs: toMs,
      sample,
      isUnchanged: isSameSample(last, sample),
      showsArrivals: last?.kind === 'counted' && showsArrivals(toMs),
      traffic: sampler.traffic,
      ownPeers: builds.ownPeers(),
      builds: builds.latest(),
    };
    classification = classifyAll(classification, seen, rule);
    last = sample;
    const { tracked, reviewDueMs } = classification;
    return {
      ...{ fromMs, toMs, sample, tracked, reviewDueMs },
      watchedDueMs: () =>
        builds.isSteady() && !movesOften(tracked, toMs)
          ? watchedDueMs(tracked, toMs, rule, builds.latest())
          : toMs,
      noteUnmoved(ms) {
        classification = { ...classification, trafficReadMs: ms };
      },
    };
  };
}

// Where several connections have just moved bytes, one will have by the next poll: to look for that
// first would cost a second poll.
const movesOftenFrom = 4;

function movesOften(tracked: TrackedConnections, nowMs: number): boolean {
  const moved = tracked.filter(({ traffic }) => traffic?.silentSinceMs === nowMs);
  return moved.length >= movesOftenFrom;
}

function isSameSample(before: Sample | null, now: Sample): boolean {
  return before?.kind === 'counted' && now.kind === 'counted' && before.revision === now.revision;
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
