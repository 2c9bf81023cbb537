import type { Sockets } from './sockets.ts';
import type { CostStageInput } from './types.ts';

/** What each part of the benchmark works with. */
export interface Stage extends CostStageInput {
  readonly sockets: Sockets;
  /** The environment of all measured processes: nothing in it changes what they do. */
  readonly env: Readonly<Record<string, string>>;
  readonly startStep: (text: string) => void;
  readonly remark: (what: string, why: unknown) => void;
  readonly sleep: (durationMs: number) => Promise<void>;
}

/**
 * Runs one part of the benchmark. If it fails, a remark says so, and the other parts go on.
 *
 * @returns whether it succeeded.
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
