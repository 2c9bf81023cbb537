import type { RunResults } from '../runner/results.ts';
import type { StageInput } from '../runner/stage.ts';

export type Transport = 'tcp' | 'unix';

/** How a client connects. A TCP detector watches both families of its port. */
export type Way = 'tcp4' | 'tcp6' | 'unix';

/**
 * How long connections live: so many milliseconds, or one of the mixes: `mix`, probes and builds,
 * and `sparse`, the same with about one connection a second.
 */
export type Lifetime = number | 'mix' | 'sparse';

/** What `bench accuracy` is to measure. */
export interface AccuracyPlan {
  /** The same seed makes the same connections. */
  readonly seed: number;
  readonly lifetimes: readonly Lifetime[];
  /** Names of method. */
  readonly methods: readonly string[];
  readonly intervalsMs: readonly number[];
  /** How long connections of one lifetime arrive. */
  readonly phaseMs: number;
  /** How many connections arrive in a second, where their lifetime does not make them too many. */
  readonly ratePerSecond: number;
  /** Connections a second on other ports, half of them on one whose number begins with the watched. */
  readonly backgroundPerSecond: number;
  /** Ascending. */
  readonly quietPeriodsMs: readonly number[];
}

/** One method at one interval, at the endpoint of one transport. */
export interface Detector {
  readonly method: string;
  readonly transport: Transport;
  readonly intervalMs: number;
}

/** Several measured times in milliseconds; null where there was none. */
export interface Times {
  readonly median: number;
  readonly p99: number;
  readonly most: number;
}

/** How one detector did with connections of one lifetime. */
export interface LifetimeScore extends Detector {
  /** `5ms`, `2s`, `mix`, `sparse`; `rest` for the quiet at the end, without any connection. */
  readonly lifetime: string;
  readonly connections: number;
  /** How many of them were seen at all. */
  readonly seen: number;
  /** `seen` by `connections`; null without connections. */
  readonly recall: number | null;
  /** What theory gives for the polls as they were made; 1 for a method that is notified of every end. */
  readonly expectedRecall: number | null;
  /** Of the expected recall. */
  readonly standardError: number | null;
  /** Mean of the absolute difference between the count that was known and the true one, over time. */
  readonly countError: number;
  /** What theory gives; null where there is none. */
  readonly expectedCountError: number | null;
  /** The mean number of connections that were truly open. */
  readonly meanOpen: number;
  /** ClassifyInput of connections that there were none of. */
  readonly falseDetections: number;
  /** From the call that opens a connection to the end of the poll that shows it. */
  readonly arrivalMs: Times | null;
  /** From the call that closes it to the end of the poll that no longer shows it. */
  readonly departureMs: Times | null;
  readonly polls: number;
  /** From one poll to the next. */
  readonly achievedMs: Times | null;
  /** User and system time, in percent of one core. */
  readonly cpuPercent: number | null;
}

/** What a wait would have concluded from what one detector saw. */
export interface VerdictScore extends Detector {
  readonly quietPeriodMs: number;
  /** Waits that were begun, one a second, and that a faultless observer would have ended. */
  readonly waits: number;
  /** They ended while a connection was open. */
  readonly early: number;
  /** They ended with no client connected, but after a quiet that had been broken unseen. */
  readonly hasty: number;
  /** They did not end at all. */
  readonly unended: number;
  /** Of the others: how long after the earliest moment that the truth allows. */
  readonly lateMs: Times | null;
}

/** The connections of one lifetime as they were made. */
export interface LifetimeFacts {
  readonly lifetime: string;
  readonly connections: number;
  readonly failed: number;
  /** How long they really lived. */
  readonly livedMs: Times | null;
  /** Between which two moments one cannot say whether a connection was there: at its begin. */
  readonly uncertaintyMs: Times | null;
}

/** Detectors that watched at the same time, and what they watched. */
export interface SessionFacts {
  readonly detectors: readonly Detector[];
  readonly lifetimes: readonly LifetimeFacts[];
  /** CPU of the processes that make the connections, in percent of one core. */
  readonly workloadCpuPercent: number;
}

/** Everything that one run has measured: the content of the file of `--json`. */
export interface AccuracyResults extends RunResults<AccuracyPlan> {
  readonly command: 'buildkit-drain bench accuracy';
  readonly sessions: readonly SessionFacts[];
  readonly scores: readonly LifetimeScore[];
  readonly verdicts: readonly VerdictScore[];
}

/** The measurements of one session. */
export interface AccuracyMeasurement {
  readonly kind: 'session';
  readonly facts: SessionFacts;
  readonly scores: readonly LifetimeScore[];
  readonly verdicts: readonly VerdictScore[];
}

export type AccuracyStageInput = StageInput<AccuracyPlan, AccuracyMeasurement>;
