import type { Crew } from './crew.ts';
import type { CostPlan, StageMessage } from './types.ts';

/** What the process that measures is given. */
export interface StageInput {
  readonly plan: CostPlan;
  /** The Node.js to run. */
  readonly node: string;
  /** This very program. */
  readonly helper: string;
  readonly program: string;
  readonly searchPath: string;
  readonly signal: AbortSignal;
  /** User and system time of this process, in microseconds. */
  readonly cpuUs: () => number;
  /** A monotonic clock that all processes share. */
  readonly nowMs: () => number;
  readonly send: (message: StageMessage) => void;
}

/** What each part of the benchmark works with. */
export interface Stage extends StageInput {
  readonly crew: Crew;
  /** The environment of all processes that are measured: nothing in it changes what they do. */
  readonly env: Readonly<Record<string, string>>;
  readonly startStep: (text: string) => void;
  readonly remark: (what: string, why: unknown) => void;
  readonly sleep: (durationMs: number) => Promise<void>;
}
