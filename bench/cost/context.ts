import type { Sockets } from './sockets.ts';
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
  readonly sockets: Sockets;
  /** The environment of all processes that are measured: nothing in it changes what they do. */
  readonly env: Readonly<Record<string, string>>;
  readonly startStep: (text: string) => void;
  readonly remark: (what: string, why: unknown) => void;
  readonly sleep: (durationMs: number) => Promise<void>;
}

/**
 * Does one part of the benchmark. What is not available is skipped with a remark, and the rest goes on.
 *
 * @returns whether it was done.
 * @throws when the benchmark is to stop.
 */
export async function orRemark(
  { signal, remark }: Stage,
  what: string,
  act: () => Promise<unknown>,
): Promise<boolean> {
  try {
    await act();
    return true;
  } catch (error) {
    signal.throwIfAborted();
    remark(what, error);
    return false;
  }
}
