import type { PollLoop } from '../backends/poll-plan.ts';
import type { Sample, Sampler } from '../backends/types.ts';
import type { DrainOutcome, DrainStatus } from '../drain/types.ts';
import type { ServiceReading, ServiceStats } from './types.ts';

/** Counts what this process does, and keeps what was seen last. */
export interface Stats {
  /** Counts the samples that a sampler takes. */
  readonly counting: (sampler: Sampler) => Sampler;
  readonly countBetweenPolls: (connections: number) => void;
  readonly begin: () => void;
  /** @param timeoutMs tells the deadline of the wait under way. */
  readonly setDeadline: (timeoutMs: () => number | null) => void;
  /** Keeps the state after a poll, of the wait under way or of the watch. */
  readonly note: (status: DrainStatus) => void;
  /** @param kind null if the wait failed. */
  readonly end: (kind: DrainOutcome['kind'] | null) => void;
  /** What was seen last; null before the first poll. */
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
  let betweenPolls = 0;
  let waitState: ServiceStats['waitState'] = 'none';
  let begunMs = 0;
  let polledMs = 0;
  let latest: DrainStatus | null = null;
  let running: { readonly loop: PollLoop; readonly startedMs: number } | null = null;
  let timeoutMs = (): number | null => null;

  const count = (sample: Sample): Sample => {
    samples += 1;
    failedSamples += sample.kind === 'failed' ? 1 : 0;
    polledMs = now();
    return sample;
  };

  /** The polls of the loop that is running, which tells of none by itself. */
  const runningPolls = (): number => running?.loop.polls() ?? 0;

  const latestPollMs = (): number =>
    running !== null && runningPolls() > 0 ? running.startedMs + running.loop.lastMs() : polledMs;

  const countRun = (): void => {
    [samples, polledMs] = [samples + runningPolls(), latestPollMs()];
    running = null;
  };

  const countingLoop = (loop: PollLoop): PollLoop => ({
    ...loop,
    start(plan, onEnd) {
      countRun();
      const startedMs = now();
      const isStarted = loop.start(plan, onEnd);
      running = isStarted ? { loop, startedMs } : null;
      return isStarted;
    },
    stop() {
      loop.stop();
      countRun();
    },
  });

  return {
    counting: (sampler) => ({
      ...sampler,
      sample: () => count(sampler.sample()),
      isUnchanged() {
        const isUnchanged = sampler.isUnchanged();
        if (isUnchanged) {
          samples += 1;
          polledMs = now();
        }
        return isUnchanged;
      },
      loop() {
        const loop = sampler.loop();
        return loop && countingLoop(loop);
      },
    }),
    countBetweenPolls(connections) {
      betweenPolls += connections;
    },
    begin() {
      waitState = 'waiting';
      begunMs = now();
    },
    setDeadline(tell) {
      timeoutMs = tell;
    },
    note(status) {
      latest = status;
    },
    end(kind) {
      waitState = kind ?? 'none';
      if (kind !== null) {
        outcomes[kind] += 1;
      }
    },
    reading: () => latest && { ...latest, ageMs: Math.max(0, now() - latestPollMs()) },
    read: () => ({
      ...{ samples: samples + runningPolls(), failedSamples, betweenPolls, waitState },
      outcomes: { ...outcomes },
      waitedMs: waitState === 'waiting' ? now() - begunMs : null,
      timeoutMs: waitState === 'waiting' ? timeoutMs() : null,
      quietMs: waitState === 'waiting' && latest !== null ? quietMs(latest, latestPollMs()) : null,
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
