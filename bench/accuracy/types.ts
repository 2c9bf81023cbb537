import type { RunResults } from '../runner/results.ts';
import type { StageInput } from '../runner/stage.ts';

export type Transport = 'tcp' | 'unix';

/** How a client connects. A TCP detector watches both families of its port. */
export type SocketFamily = 'tcp4' | 'tcp6' | 'unix';

/**
 * How long connections live: a number of milliseconds, `mix` (probes and builds), or `sparse` (the same
 * with about one connection a second).
 */
export type Lifetime = number | 'mix' | 'sparse';

/** What `bench accuracy` is to measure. */
export interface AccuracyPlan {
  /** The same seed makes the same connections. */
  readonly seed: number;
  readonly lifetimes: readonly Lifetime[];
  /** Names of methods. */
  readonly methods: readonly string[];
  readonly intervalsMs: readonly number[];
  /** For how long connections of one lifetime arrive. */
  readonly phaseMs: number;
  /** Connections a second; fewer if, at their lifetime, too many would be open at a time. */
  readonly ratePerSecond: number;
  /** Connections a second to other ports; half of them to one whose number starts with the watched. */
  readonly backgroundPerSecond: number;
  /** Ascending. */
  readonly quietPeriodsMs: readonly number[];
}

/** One method at one interval, for one transport. */
export interface Detector {
  readonly method: string;
  readonly transport: Transport;
  readonly intervalMs: number;
}

/** Several measured times, in milliseconds. */
export interface Times {
  readonly median: number;
  readonly p99: number;
  readonly most: number;
}

/** The score of one detector for connections of one lifetime. */
export interface LifetimeScore extends Detector {
  /** `5ms`, `2s`, `mix`, `sparse`; `rest` for the pause at the end, without connections. */
  readonly lifetime: string;
  readonly connections: number;
  /** How many of them were seen. */
  readonly seen: number;
  /** `seen` divided by `connections`; null without connections. */
  readonly recall: number | null;
  /** By theory, for the measured gaps between polls; 1 for a method that is notified of every end. */
  readonly expectedRecall: number | null;
  /** Of the expected recall. */
  readonly standardError: number | null;
  /** Mean absolute difference over time between the detector's count and the true one. */
  readonly countError: number;
  /** By theory; null for a method that is notified of every end. */
  readonly expectedCountError: number | null;
  /** The mean number of connections that were open. */
  readonly meanOpen: number;
  /** Detections of connections that did not exist. */
  readonly falseDetections: number;
  /** From the call that opens a connection to the end of the poll that first shows it. */
  readonly arrivalMs: Times | null;
  /** From the call that closes it to the end of the poll that no longer shows it. */
  readonly departureMs: Times | null;
  readonly polls: number;
  /** From one poll to the next. */
  readonly achievedMs: Times | null;
  /** User and system time, in percent of one core. */
  readonly cpuPercent: number | null;
}

/** The verdicts of waits that use one detector. */
export interface VerdictScore extends Detector {
  readonly quietPeriodMs: number;
  /** Waits, one a second, that would have ended with full knowledge. */
  readonly waits: number;
  /** They ended while a connection was open. */
  readonly early: number;
  /** They ended without a client, but missed one that came and went during the quiet period. */
  readonly missed: number;
  /** They never ended. */
  readonly unended: number;
  /** Of the others: the delay after the earliest correct moment. */
  readonly lateMs: Times | null;
}

/** The connections of one lifetime that were made. */
export interface LifetimeFacts {
  readonly lifetime: string;
  readonly connections: number;
  readonly failed: number;
  /** How long they really lived. */
  readonly livedMs: Times | null;
  /** For how long it is uncertain whether a connection is open yet. */
  readonly uncertaintyMs: Times | null;
}

/** Detectors that ran at the same time, and the connections. */
export interface SessionFacts {
  readonly detectors: readonly Detector[];
  readonly lifetimes: readonly LifetimeFacts[];
  /** CPU of the workload processes, in percent of one core. */
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
