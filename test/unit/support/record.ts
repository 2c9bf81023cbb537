import { expect } from 'vitest';
import type { Connection, Sample } from '../../../src/backends/types.ts';
import type { DrainConfig, DrainOutcome } from '../../../src/drain/types.ts';
import { brokenPromise, type Judged } from '../../support/drained.ts';

interface SampleRecord {
  /** Takes a sample, and records how many clients and pending connections it has. */
  readonly add: (ms: number, take: () => Sample) => Sample;
  /** Holds a wait that was drained to its promise. */
  readonly check: (outcome: DrainOutcome, endMs: number) => void;
}

/** Keeps all samples of a wait in which every connection that outlasts the probe grace is a client. */
export function createRecord(config: DrainConfig): SampleRecord {
  const results: Judged[] = [];
  const firstSeenMs = new Map<Connection, number>();
  let before: Sample | undefined;

  const judge = (ms: number, sample: Sample): Judged => {
    if (sample.kind !== 'counted') {
      return { ms, clients: null, pending: 0 };
    }
    const isNew = (connection: Connection): boolean =>
      ms < (firstSeenMs.get(connection) ?? -Infinity) + config.probeGraceMs;
    for (const connection of sample.connections) {
      const age = before?.kind === 'counted' ? ms : -Infinity;
      firstSeenMs.set(connection, firstSeenMs.get(connection) ?? age);
    }
    const pending = sample.connections.filter(isNew).length;
    return { ms, clients: sample.connections.length - pending, pending };
  };

  return {
    add(ms, take) {
      results.push({ ms, clients: null, pending: 0 });
      const sample = take();
      results[results.length - 1] = judge(ms, sample);
      before = sample;
      return sample;
    },
    check({ kind }, endMs) {
      const promised = { ...config, maxGapMs: Math.max(2 * config.intervalMs, 1000) };
      expect(kind === 'drained' ? brokenPromise(results, endMs, promised) : null).toBeNull();
    },
  };
}
