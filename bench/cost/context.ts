import type { Sockets } from './sockets.ts';
import type { CostStageInput } from './types.ts';

/** What each part of the benchmark works with. */
export interface Stage extends CostStageInput {
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
