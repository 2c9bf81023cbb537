import type { RunMessage } from './results.ts';

/** What bench/helper.ts gives to a stage, the process that measures. */
export interface StageInput<Plan, Measurement> {
  readonly plan: Plan;
  /** The Node.js to start processes with. */
  readonly node: string;
  /** The path of bench/helper.ts as it was built: helper processes run it, too. */
  readonly helper: string;
  /** The file that is run as `buildkit-drain`. */
  readonly program: string;
  readonly searchPath: string;
  /** Raised when the stage is to stop. */
  readonly signal: AbortSignal;
  /** User and system time of this process, in microseconds. */
  readonly cpuUs: () => number;
  /** A monotonic clock that all processes share. */
  readonly nowMs: () => number;
  readonly send: (message: Measurement | RunMessage) => void;
}

/** Measures to the end. A stage that is asked to stop ends early, without an error. */
export async function runStage(signal: AbortSignal, measure: () => Promise<void>): Promise<void> {
  try {
    await measure();
  } catch (error) {
    if (!signal.aborted) {
      throw error;
    }
  }
}

export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
