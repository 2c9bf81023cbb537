import type { Stage } from './context.ts';

/**
 * Does one part of the benchmark. What can't be had is left out, and told; the rest goes on.
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
