import { describe, expect, it } from 'vitest';
import type { Steps } from '../../../src/backends/procfs/steps.ts';
import { takeInSlices } from '../../../src/monitor/in-slices.ts';

/** Steps of a millisecond each. */
function* steps(log: string[], number: number): Steps<void> {
  try {
    for (let step = 0; step < number; step += 1) {
      const endMs = performance.now() + 1;
      while (performance.now() < endMs);
      log.push('step');
      yield;
    }
    log.push('end');
  } finally {
    log.push('closed');
  }
}

describe('steps that are taken in slices', () => {
  it('begin after what the caller does at once', async () => {
    const log: string[] = [];
    const taken = takeInSlices(steps(log, 1), () => false);
    await null;
    log.push('caller');
    await taken;
    expect(log).toEqual(['caller', 'step', 'end', 'closed']);
  });

  it('let timers run every few of them', async () => {
    const log: string[] = [];
    const timer = setInterval(() => log.push('timer'), 1);
    await takeInSlices(steps(log, 60), () => false);
    clearInterval(timer);
    const between = log.join().split('timer');
    expect(between.length).toBeGreaterThan(10);
    expect(log.filter((each) => each === 'step').length).toBe(60);
  });

  it('end where they are when they are stopped', async () => {
    const log: string[] = [];
    await takeInSlices(steps(log, 60), () => log.length > 0);
    expect(log.length).toBeLessThan(10);
    expect(log.at(-1)).toBe('closed');
    expect(log).not.toContain('end');
  });

  it('may fail', async () => {
    const failing = function* (): Steps<void> {
      yield;
      throw new Error('unreadable');
    };
    await expect(takeInSlices(failing(), () => false)).rejects.toThrow('unreadable');
  });
});
