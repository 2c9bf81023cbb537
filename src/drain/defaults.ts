import type { DrainConfig } from './types.ts';

/** What `buildkit-drain wait` does when it is told nothing else. */
export const drainDefaults: DrainConfig = {
  intervalMs: 100,
  quietPeriodMs: 10_000,
  timeoutMs: null,
  minWaitMs: 0,
  maxConnections: 0,
  counts: () => true,
  probeGraceMs: 1000,
  ignoreSilentMs: null,
  ignoreUnreachableMs: 120_000,
  builds: 'auto',
  onUnknown: 'hold',
  progressEveryMs: 30_000,
};
