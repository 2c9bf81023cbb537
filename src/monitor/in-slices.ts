import type { Steps } from '../backends/procfs/steps.ts';

// Polls may be a few milliseconds apart, and wait for the end of a slice.
const longestSliceMs = 2;

/** Takes all steps in turns of the event loop, for a few milliseconds in each, unless it is stopped before. */
export async function takeInSlices(steps: Steps<void>, isStopped: () => boolean): Promise<void> {
  for (let isDone = false; !isDone; ) {
    await nextTurn();
    if (isStopped()) {
      steps.return();
      return;
    }
    isDone = takeSlice(steps);
  }
}

/** @returns whether no step is left. */
function takeSlice(steps: Steps<void>): boolean {
  const endMs = performance.now() + longestSliceMs;
  let isDone = false;
  while (!isDone && performance.now() < endMs) {
    isDone = steps.next().done === true;
  }
  return isDone;
}

/** Due timers run, and what has come from sockets is read, before a turn's immediates. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
