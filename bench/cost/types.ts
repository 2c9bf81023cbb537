import type { RunResults } from '../runner/results.ts';
import type { StageInput } from '../runner/stage.ts';
import type { ScaleCase } from './scale-cases.ts';

/** What `bench cost` is to measure. */
export interface CostPlan {
  /** Numbers of unrelated established connection pairs, ascending. */
  readonly pairs: readonly number[];
  /** Numbers of clients, ascending. */
  readonly clients: readonly number[];
  /** How often each method is measured at each size. */
  readonly rounds: number;
  /** The shortest duration of the polls of one round, in milliseconds. */
  readonly roundMs: number;
  /** How often a program in Node.js counts in each round. */
  readonly counts: number;
  /** Intervals of `buildkit-drain wait`, in milliseconds. */
  readonly intervalsMs: readonly number[];
  /** How long the CPU of a whole process is measured, in milliseconds. */
  readonly windowMs: number;
  /** Numbers of connections that a wait does not count. */
  readonly leftOut: readonly number[];
  /** Numbers of processes beside which a wait starts. */
  readonly processes: readonly number[];
  /** Cases of many sockets or processes. */
  readonly scale: readonly ScaleCase[];
  /** How often the start-up is measured. */
  readonly starts: number;
  /** How often the exit is measured. */
  readonly exits: number;
}

/** Several measurements of one thing. */
export interface Figure {
  readonly median: number;
  /** The first and the third quartile. */
  readonly low: number;
  readonly high: number;
  /** What was measured, in order. */
  readonly values: readonly number[];
}

/** One method at one size. */
export interface PollCost {
  readonly method: string;
  readonly pairs: number;
  readonly clients: number;
  /** How many connections the method found: equal to `clients` if it works. */
  readonly seen: number;
  readonly pollsPerRound: number;
  /** User and system time of one poll, with that of its child processes, in microseconds. */
  readonly cpuUs: Figure;
  readonly wallUs: Figure;
  /** CPU as a multiple of that of the first method, round by round; null if that was not measured. */
  readonly cpuRatio: Figure | null;
}

/** `buildkit-drain wait` and an empty timer of the same interval, side by side for one window. */
export interface ProcessResult {
  readonly intervalMs: number;
  /** Clients that are connected during the whole window. */
  readonly clients: number;
  readonly windowMs: number;
  /** User and system time over the whole window, as a percentage of one core. */
  readonly waitCpuPercent: number;
  readonly timerCpuPercent: number;
  /** The first as a multiple of the second, of the window and of its slices; null if that is 0. */
  readonly ratio: number | null;
  readonly sliceRatio: Figure | null;
  /** The largest resident set until the end of the window. */
  readonly waitPeakKib: number;
  readonly timerPeakKib: number;
}

/** A quiet `buildkit-drain wait` beside connections that it does not count, and an empty timer. */
interface LeftOutResult extends Pick<ProcessResult, 'intervalMs' | 'ratio' | 'sliceRatio'> {
  readonly connections: number;
}

/** The start of `buildkit-drain wait` beside this many more processes. */
export interface DiscoveryResult {
  readonly processes: number;
  /** Whether with `--addr`. */
  readonly isGiven: boolean;
  /** From the start of the process to the log line of the first sample. */
  readonly firstSampleMs: Figure;
  /** User and system time until 1.5 s after that. */
  readonly cpuMs: Figure;
  /** The longest time after the first sample in which the event loop did not turn. */
  readonly blockedMs: Figure;
}

/** One or more waits, and as many empty timers, side by side for one window. */
export interface ScaleResult
  extends ScaleCase,
    Pick<
      ProcessResult,
      'intervalMs' | 'clients' | 'windowMs' | 'waitCpuPercent' | 'timerCpuPercent' | 'ratio'
    > {
  /** The largest resident set; of several processes the sum of their sets, each shared page counted once. */
  readonly waitMemoryKib: number;
  readonly timerMemoryKib: number;
}

interface StartUpResult {
  /** From the start of the process to the log line of the first sample. */
  readonly waitMs: Figure;
  /** From the start of `node -e 0` to its exit. */
  readonly nodeMs: Figure;
  readonly timeRatio: Figure | null;
  /** The largest resident set until then. */
  readonly waitPeakKib: Figure;
  readonly nodePeakKib: Figure;
  readonly memoryRatio: Figure | null;
}

interface ExitResult {
  readonly intervalMs: number;
  readonly quietPeriodMs: number;
  /** From the close of the last client to the exit, minus the quiet period. */
  readonly beyondMs: Figure;
  readonly mostMs: number;
}

/** The network namespace of the sockets. */
interface NetworkFacts {
  readonly isPrivate: boolean;
  /** TCP sockets in the namespace before those of the benchmark; null if not available. */
  readonly tcpSocketsBefore: number | null;
}

/** Everything that one run has measured: the content of the file of `--json`. */
export interface CostResults extends RunResults<CostPlan> {
  readonly command: 'buildkit-drain bench cost';
  readonly network: NetworkFacts;
  readonly polls: readonly PollCost[];
  /** Ways to count from Node.js, each in a process of its own, with the most pairs and three clients. */
  readonly counters: readonly PollCost[];
  readonly process: readonly ProcessResult[];
  readonly leftOut: readonly LeftOutResult[];
  readonly discovery: readonly DiscoveryResult[];
  readonly scale: readonly ScaleResult[];
  readonly startUp: StartUpResult | null;
  readonly exit: ExitResult | null;
}

/** What the stage sends as soon as it is measured. */
export type CostMeasurement =
  | { readonly kind: 'network'; readonly tcpSocketsBefore: number | null }
  | { readonly kind: 'polls' | 'counters'; readonly results: readonly PollCost[] }
  | { readonly kind: 'process'; readonly result: ProcessResult }
  | { readonly kind: 'left-out'; readonly result: LeftOutResult }
  | { readonly kind: 'discovery'; readonly result: DiscoveryResult }
  | { readonly kind: 'scale'; readonly result: ScaleResult }
  | { readonly kind: 'start-up'; readonly result: StartUpResult }
  | { readonly kind: 'exit'; readonly result: ExitResult };

export type CostStageInput = StageInput<CostPlan, CostMeasurement>;

/** What is not measured at every size is measured with this many clients, and with the most pairs. */
export const referenceClients = 3;
