import type { Recording } from './recording.ts';
import type { TrueConnection } from './truth.ts';

export interface CountError {
  /** Mean of the absolute difference over time. */
  readonly meanError: number;
  /** The mean number of connections that were open. */
  readonly meanOpen: number;
}

interface Step {
  readonly atMs: number;
  readonly least: number;
  readonly most: number;
  readonly belief: number;
}

/**
 * How far the count that a detector knew of was from the true one, over a window of time. Where one
 * can't say whether a connection was there, both counts are true.
 *
 * @param truth connections of the detector's transport.
 */
export function countErrorIn(
  truth: readonly TrueConnection[],
  recording: Recording,
  fromMs: number,
  toMs: number,
): CountError {
  const steps = [...trueSteps(truth), ...beliefSteps(recording)].toSorted(
    (one, other) => one.atMs - other.atMs,
  );
  let least = 0;
  let most = 0;
  let belief = 0;
  let beforeMs = fromMs;
  let error = 0;
  let open = 0;
  const passTo = (atMs: number): void => {
    const lastedMs = Math.min(atMs, toMs) - beforeMs;
    if (lastedMs > 0) {
      error += Math.max(0, belief - most, least - belief) * lastedMs;
      open += ((least + most) / 2) * lastedMs;
      beforeMs += lastedMs;
    }
  };
  for (const step of steps) {
    passTo(step.atMs);
    least += step.least;
    most += step.most;
    belief += step.belief;
  }
  passTo(toMs);
  const windowMs = Math.max(toMs - fromMs, Number.EPSILON);
  return { meanError: error / windowMs, meanOpen: open / windowMs };
}

function trueSteps(truth: readonly TrueConnection[]): Step[] {
  return truth.flatMap(({ openFromMs, openToMs, closeFromMs, closeToMs }) => [
    { atMs: openFromMs, least: 0, most: 1, belief: 0 },
    { atMs: openToMs, least: 1, most: 0, belief: 0 },
    { atMs: closeFromMs, least: -1, most: 0, belief: 0 },
    { atMs: closeToMs, least: 0, most: -1, belief: 0 },
  ]);
}

/** From the end of each look on, its count is known. One that fails tells nothing new. */
function beliefSteps({ changes, toMs }: Recording): Step[] {
  let before = 0;
  return changes.flatMap(({ poll, keys }) => {
    const count = keys?.length ?? before;
    const belief = count - before;
    before = count;
    return belief === 0 ? [] : [{ atMs: toMs[poll] ?? 0, least: 0, most: 0, belief }];
  });
}
