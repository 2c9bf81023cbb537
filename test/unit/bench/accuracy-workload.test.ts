import { describe, expect, it } from 'vitest';
import { canKeepUp, divide } from '../../../bench/accuracy/find-detectors.ts';
import type { AccuracyPlan, Lifetime } from '../../../bench/accuracy/types.ts';
import { phasesOf, sessionMs } from '../../../bench/accuracy/workload.ts';

const plan: AccuracyPlan = {
  seed: 1,
  lifetimes: [1, 2000, 'mix', 'sparse'],
  methods: ['dump'],
  intervalsMs: [100],
  phaseMs: 10_000,
  ratePerSecond: 50,
  backgroundPerSecond: 10,
  quietPeriodsMs: [0, 500, 3000],
};

function arrivalsOf(lifetime: Lifetime, changes: Partial<AccuracyPlan> = {}) {
  const [phase] = phasesOf({ ...plan, lifetimes: [lifetime], ...changes });
  return phase?.arrivals ?? [];
}

describe('the connections that are made', () => {
  it('are the same for the same seed, and others for another', () => {
    expect(phasesOf(plan)).toEqual(phasesOf(plan));
    expect(arrivalsOf(1, { seed: 2 })).not.toEqual(arrivalsOf(1));
  });

  it('arrive as a Poisson process does', () => {
    const arrivals = arrivalsOf(1, { phaseMs: 60_000 });
    expect(Math.abs(arrivals.length - 3000)).toBeLessThan(4 * Math.sqrt(3000));
    const gaps = arrivals.slice(1).map(({ atMs }, index) => atMs - (arrivals[index]?.atMs ?? 0));
    const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
    const deviation = Math.sqrt(
      gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length,
    );
    // Of exponential times both are the same.
    expect(deviation / mean).toBeCloseTo(1, 1);
  });

  it('come over IPv4, IPv6 and unix sockets, each with a number of its own', () => {
    const arrivals = phasesOf(plan).flatMap((phase) => phase.arrivals);
    expect(new Set(arrivals.map(({ family }) => family))).toEqual(
      new Set(['tcp4', 'tcp6', 'unix']),
    );
    expect(new Set(arrivals.map(({ id }) => id)).size).toBe(arrivals.length);
  });

  it('are fewer if they live long', () => {
    expect(Math.abs(arrivalsOf(2000).length - 100)).toBeLessThan(40);
    expect(arrivalsOf('sparse').length).toBeLessThan(45);
  });

  it('live for the given time, or are a mix of probes and builds', () => {
    expect(new Set(arrivalsOf(2000).map(({ lifetimeMs }) => lifetimeMs))).toEqual(new Set([2000]));
    const mixed = arrivalsOf('mix', { phaseMs: 60_000 }).map(({ lifetimeMs }) => lifetimeMs);
    const share = (least: number, most: number): number =>
      mixed.filter((ms) => ms >= least && ms < most).length / mixed.length;
    expect(share(2, 15)).toBeCloseTo(0.5, 1);
    expect(share(100, 1000)).toBeGreaterThan(0.3);
    expect(share(1, 5000.1)).toBe(1);
  });

  it('leave quiet after each phase, and a rest for the longest quiet period', () => {
    const phases = phasesOf(plan);
    expect(phases.map(({ name, quietAfterMs }) => [name, quietAfterMs])).toEqual([
      ['1ms', 400],
      ['2s', 900],
      ['mix', 400],
      ['sparse', 900],
      ['rest', 0],
    ]);
    expect(phases.at(-1)).toMatchObject({ durationMs: 3400, hasBackground: false, arrivals: [] });
    expect(sessionMs(phases)).toBeGreaterThan(10_000 * 5 + 2600 + 3400);
  });
});

describe('the sessions', () => {
  const detector = (pollMs: number, intervalMs: number) =>
    ({ method: 'dump', transport: 'tcp', intervalMs, pollMs }) as const;

  it('are one if there are enough processors', () => {
    const all = [detector(1, 1), detector(5, 10), detector(1, 100)];
    expect(divide(all, 64)).toEqual([all]);
  });

  it('are as many as it takes to leave half of the processors free', () => {
    const [heavy, light] = [detector(1, 1), detector(0.01, 100)];
    expect(divide([heavy, heavy, light, heavy], 2)).toEqual([[heavy, light], [heavy], [heavy]]);
  });

  it('have only one detector if it is too much for half of the processors', () => {
    const heavy = detector(9, 10);
    expect(divide([heavy, heavy], 1)).toEqual([[heavy], [heavy]]);
  });

  it('have no detector with a poll that takes longer than the interval', () => {
    expect(canKeepUp(detector(9, 10))).toBe(true);
    expect(canKeepUp(detector(11, 10))).toBe(false);
  });
});
