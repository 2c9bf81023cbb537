import type { Sample, Sampler } from '../backends/types.ts';
import type { DrainOutcome, DrainStatus } from '../drain/types.ts';
import type { ServiceReading, ServiceStats } from './types.ts';

/** Counts what this process does, and keeps what the wait under way saw last. */
export interface Stats {
  readonly countSample: (sample: Sample | null) => void;
  /** Counts the samples that a sampler takes. */
  readonly counting: (sampler: Sampler) => Sampler;
  readonly begin: () => void;
  readonly note: (status: DrainStatus) => void;
  /** @param kind null if the wait failed. */
  readonly end: (kind: DrainOutcome['kind'] | null) => void;
  /** Null if no wait is under way, and before its first poll. */
  readonly reading: () => ServiceReading | null;
  readonly read: () => ServiceStats;
}

/** @param now the clock of the waits, in milliseconds. */
export function createStats(now: () => number): Stats {
  const outcomes: Record<DrainOutcome['kind'], number> = {
    ...{ drained: 0, gone: 0, 'nothing-found': 0 },
    ...{ 'timed-out': 0, interrupted: 0, unknown: 0 },
  };
  let samples = 0;
  let failedSamples = 0;
  let waitState: ServiceStats['waitState'] = 'none';
  let begunMs = 0;
  let polledMs = 0;
  let latest: DrainStatus | null = null;

  const countSample = (sample: Sample | null): void => {
    samples += 1;
    failedSamples += sample === null || sample.kind === 'failed' ? 1 : 0;
  };
  const polled = (): void => {
    polledMs = now();
  };

  return {
    countSample,
    counting: (sampler) => ({
      ...sampler,
      sample() {
        const sample = sampler.sample();
        countSample(sample);
        polled();
        return sample;
      },
      isUnchanged() {
        const isUnchanged = sampler.isUnchanged();
        if (isUnchanged) {
          samples += 1;
          polled();
        }
        return isUnchanged;
      },
    }),
    begin() {
      waitState = 'waiting';
      begunMs = now();
      latest = null;
    },
    note(status) {
      latest = status;
    },
    end(kind) {
      waitState = kind ?? 'none';
      latest = null;
      if (kind !== null) {
        outcomes[kind] += 1;
      }
    },
    reading: () => latest,
    read: () => ({
      samples,
      failedSamples,
      waitState,
      outcomes: { ...outcomes },
      waitedMs: waitState === 'waiting' ? now() - begunMs : null,
      quietMs: latest === null ? null : quietMs(latest, polledMs),
    }),
  };
}

/** Up to the latest poll: one that finds nothing changed makes no new status. */
function quietMs({ sample, quietForMs, nowMs }: DrainStatus, polledMs: number): number | null {
  if (quietForMs !== null) {
    return quietForMs + Math.max(0, polledMs - nowMs);
  }
  return sample.kind === 'counted' ? 0 : null;
}
