import type { AccuracyPlan, Lifetime, SocketFamily } from './types.ts';

/** A connection to make. */
export interface Arrival {
  /** Unique in a session. */
  readonly id: number;
  /** From the start of its phase. */
  readonly atMs: number;
  readonly family: SocketFamily;
  readonly lifetimeMs: number;
}

/** Connections of one lifetime, followed by a pause after the last of them is closed. */
export interface Phase {
  readonly name: string;
  readonly arrivals: readonly Arrival[];
  /** For how long connections arrive. */
  readonly durationMs: number;
  readonly quietAfterMs: number;
  readonly hasBackground: boolean;
}

// More at a time would be a load of a different kind.
const mostOpen = 20;
const sparsePerSecond = 1;
// The sparse phase is longer, since little happens in it.
const sparseTimes = 2;

// The daemon of a build farm has probes, which last some milliseconds, and builds, here shortened.
const probes = { share: 0.5, medianMs: 5, spread: 0.3 } as const;
const builds = { medianMs: 300, spread: 1 } as const;
const longestMixedMs = 5000;

const unixShare = 0.3;
const ipv6Share = 0.3;

/** The phase at the end, without connections. */
export const restName = 'rest';

/** The pause before each phase, in which the background load changes. */
export const settleMs = 300;

/** Time for the slowest detector to notice the end of a quiet period. */
function marginMs({ intervalsMs }: AccuracyPlan): number {
  return Math.min(1000, 2 * Math.max(...intervalsMs)) + 200;
}

/** The phases of a session. The last one is a pause for the longest quiet period. */
export function phasesOf(plan: AccuracyPlan): Phase[] {
  const random = createRandom(plan.seed);
  let id = 0;
  const nextId = (): number => {
    id += 1;
    return id;
  };
  const periods = plan.quietPeriodsMs;
  const longest = periods.at(-1) ?? 0;
  const others = periods.length > 1 ? periods.slice(0, -1) : periods;
  const phases = plan.lifetimes.map((lifetime, index): Phase => {
    const durationMs = plan.phaseMs * (lifetime === 'sparse' ? sparseTimes : 1);
    const ratePerSecond = rateOf(lifetime, plan.ratePerSecond);
    return {
      name: typeof lifetime === 'string' ? lifetime : durationName(lifetime),
      arrivals: arrivalsOf(lifetime, ratePerSecond, durationMs, random, nextId),
      durationMs,
      quietAfterMs: (others[index % others.length] ?? 0) + marginMs(plan),
      hasBackground: true,
    };
  });
  const rest = { name: restName, arrivals: [], durationMs: longest + marginMs(plan) };
  return [...phases, { ...rest, quietAfterMs: 0, hasBackground: false }];
}

/** How long the phases last. */
export function sessionMs(phases: readonly Phase[]): number {
  return phases.reduce((sum, phase) => {
    const lastClose = Math.max(0, ...phase.arrivals.map((each) => each.atMs + each.lifetimeMs));
    return sum + settleMs + Math.max(phase.durationMs, lastClose) + phase.quietAfterMs;
  }, 0);
}

/** `5ms`, `2s`. */
export function durationName(durationMs: number): string {
  return durationMs % 1000 === 0 ? `${durationMs / 1000}s` : `${durationMs}ms`;
}

function rateOf(lifetime: Lifetime, ratePerSecond: number): number {
  if (lifetime === 'sparse') {
    return sparsePerSecond;
  }
  return lifetime === 'mix' ? ratePerSecond : Math.min(ratePerSecond, mostOpen / (lifetime / 1000));
}

function arrivalsOf(
  lifetime: Lifetime,
  ratePerSecond: number,
  durationMs: number,
  random: Random,
  nextId: () => number,
): Arrival[] {
  const arrivals: Arrival[] = [];
  const meanMs = 1000 / ratePerSecond;
  let atMs = exponential(random, meanMs);
  while (atMs < durationMs) {
    const lifetimeMs = typeof lifetime === 'number' ? lifetime : mixed(random);
    arrivals.push({ id: nextId(), atMs, family: familyOf(random()), lifetimeMs });
    atMs += exponential(random, meanMs);
  }
  return arrivals;
}

function mixed(random: Random): number {
  const { medianMs, spread } = random() < probes.share ? probes : builds;
  return Math.min(longestMixedMs, Math.max(1, logNormal(random, medianMs, spread)));
}

function familyOf(chance: number): SocketFamily {
  if (chance < unixShare) {
    return 'unix';
  }
  return chance < unixShare + ipv6Share ? 'tcp6' : 'tcp4';
}

/** Numbers from 0 to below 1; the same seed gives the same numbers. */
export type Random = () => number;

/** The generator known as mulberry32: small, fast, and random enough for a workload. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The time to the next arrival of a Poisson process. */
export function exponential(random: Random, mean: number): number {
  return -Math.log(1 - random()) * mean;
}

/** @param spread the standard deviation of the logarithm. */
function logNormal(random: Random, median: number, spread: number): number {
  // The Box-Muller transform.
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return median * Math.exp(spread * normal);
}
