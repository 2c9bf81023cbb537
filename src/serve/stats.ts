import type { Sample, Sampler } from '../backends/types.ts';
import type { DrainOutcome, DrainStatus } from '../drain/types.ts';
import type { Reading, ServiceStats } from './types.ts';

/** Keeps what this process has done, and what the wait under way saw last. */
export interface Recorder {
  readonly countSample: (sample: Sample | null) => void;
  /** A sampler that counts what the given one takes. */
  readonly counting: (sampler: Sampler) => Sampler;
  readonly begin: () => void;
  readonly note: (status: DrainStatus) => void;
  /** @param kind null for a wait that could not be done. */
  readonly end: (kind: DrainOutcome['kind'] | null) => void;
  /** Null where no wait is running, or it has not polled yet. */
  readonly reading: () => Reading | null;
  readonly record: () => ServiceStats;
}

/** @param now the clock of the waits, in milliseconds. */
export function createStats(now: () => number): Recorder {
  const outcomes: Record<DrainOutcome['kind'], number> = {
    ...{ drained: 0, gone: 0, 'nothing-found': 0 },
    ...{ 'timed-out': 0, interrupted: 0, unknown: 0 },
  };
  let samples = 0;
  let failedSamples = 0;
  let waitState: ServiceStats['waitState'] = 'none';
  let begunMs = 0;
  let lookedMs = 0;
  let latest: DrainStatus | null = null;

  const countSample = (sample: Sample | null): void => {
    samples += 1;
    failedSamples += sample === null || sample.kind === 'failed' ? 1 : 0;
  };
  const looked = (): void => {
    lookedMs = now();
  };

  return {
    countSample,
    counting: (sampler) => ({
      ...sampler,
      sample() {
        const sample = sampler.sample();
        countSample(sample);
        looked();
        return sample;
      },
      isUnchanged() {
        const isUnchanged = sampler.isUnchanged();
        if (isUnchanged) {
          samples += 1;
          looked();
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
    reading: () => (latest === null ? null : readingOf(latest)),
    record: () => ({
      samples,
      failedSamples,
      waitState,
      outcomes: { ...outcomes },
      waitedMs: waitState === 'waiting' ? now() - begunMs : null,
      quietMs: latest === null ? null : quietMs(latest, lookedMs),
    }),
  };
}

function readingOf({ sample, clients, notCounted, builds }: DrainStatus): Reading {
  const silent = notCounted.filter(({ kind }) => kind === 'silent').length;
  return { sample, clients, silent, builds };
}

/** Until the latest poll: polls that find nothing new leave the status unchanged. */
function quietMs({ sample, quietForMs, nowMs }: DrainStatus, lookedMs: number): number | null {
  if (quietForMs !== null) {
    return quietForMs + Math.max(0, lookedMs - nowMs);
  }
  return sample.kind === 'counted' ? 0 : null;
}
