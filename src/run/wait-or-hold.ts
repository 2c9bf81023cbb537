import type { RunEvent } from './types.ts';

/**
 * Waits, and where that fails holds until the deadline, or until told to wait no more: whatever fails
 * in a wait must not end it early. Never rejects.
 */
export async function waitOrHold(
  wait: (over: AbortSignal) => Promise<void>,
  timeoutMs: number | null,
  over: AbortSignal,
  tell: (event: RunEvent) => void,
): Promise<void> {
  const startedMs = performance.now();
  try {
    await wait(over);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const restMs =
      timeoutMs === null ? null : Math.max(0, startedMs + timeoutMs - performance.now());
    tell({ kind: 'run-blind', reason, restMs });
    await hold(restMs, over);
  }
}

function hold(restMs: number | null, over: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    over.addEventListener('abort', () => resolve());
    if (over.aborted) {
      resolve();
    } else if (restMs !== null) {
      setTimeout(resolve, restMs);
    }
  });
}
