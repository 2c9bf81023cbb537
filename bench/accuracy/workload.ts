import type { AccuracyPlan, Lifetime, Way } from './types.ts';

/** A connection that is to be made. */
export interface Arrival {
  /** Unique in a session. */
  readonly id: number;
  /** From the begin of its phase. */
  readonly atMs: number;
  readonly way: Way;
  readonly lifetimeMs: number;
}

/** Connections of one lifetime, and a quiet after the last of them is closed. */
export interface Phase {
  readonly name: string;
  readonly arrivals: readonly Arrival[];
  /** For how long connections arrive. */
  readonly durationMs: number;
  readonly quietAfterMs: number;
  readonly hasBackground: boolean;
}

// More at a time would be a load of its own kind.
const mostOpen = 20;
const sparsePerSecond = 1;
// The sparse phase is longer, since little happens in it.
const sparseTimes = 2;

// A farm's daemon meets its probes, of some milliseconds, and builds, here scaled down in time.
const probes = { share: 0.5, medianMs: 5, spread: 0.3 } as const;
const builds = { medianMs: 300, spread: 1 } as const;
const longestMixedMs = 5000;

const unixShare = 0.3;
const ipv6Share = 0.3;

/** The phase at the end, in which no client connects. */
export const restName = 'rest';

/** Before each phase, in which the background changes. */
export const settleMs = 300;

/** Long enough beyond a quiet period for the slowest detector to notice it. */
function marginMs({ intervalsMs }: AccuracyPlan): number {
  return Math.min(1000, 2 * Math.max(...intervalsMs)) + 200;
}

/** The whole of a session. The last phase is a rest for the longest quiet period. */
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

/** How long a session lasts, but for its start and its end. */
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
    arrivals.push({ id: nextId(), atMs, way: wayOf(random()), lifetimeMs });
    atMs += exponential(random, meanMs);
  }
  return arrivals;
}

function mixed(random: Random): number {
  const { medianMs, spread } = random() < probes.share ? probes : builds;
  return Math.min(longestMixedMs, Math.max(1, logNormal(random, medianMs, spread)));
}

function wayOf(chance: number): Way {
  if (chance < unixShare) {
    return 'unix';
  }
  return chance < unixShare + ipv6Share ? 'tcp6' : 'tcp4';
}

/** Numbers from 0 to below 1, the same for the same seed. */
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
  // Box and Muller's way to a normal distribution.
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return median * Math.exp(spread * normal);
}
