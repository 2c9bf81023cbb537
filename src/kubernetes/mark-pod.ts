import { setTimeout as delay } from 'node:timers/promises';
import type { PodApi } from './api.ts';
import { ApiError, isPassing } from './api-error.ts';
import type { Mark, PodMarkEvent, PodMarks } from './types.ts';

/** What the marks should be. */
export interface MarkState {
  readonly wanted: Mark;
  /** Since when the pod has been idle without a break; null while it is not. */
  readonly idleSinceMs: number | null;
}

/** Before anything is known. */
export const unknownYet: MarkState = { wanted: 'busy', idleSinceMs: null };

/** Busy at once; idle when that has lasted for the quiet period. Unknown is busy. */
export function nextMark(
  state: MarkState,
  activity: Parameters<PodMarks['update']>[0],
  nowMs: number,
  quietPeriodMs: number,
): MarkState {
  if (activity !== 'idle') {
    return unknownYet;
  }
  const idleSinceMs = state.idleSinceMs ?? nowMs;
  const isOver = state.wanted === 'idle' || nowMs - idleSinceMs >= quietPeriodMs;
  return { wanted: isOver ? 'idle' : 'busy', idleSinceMs };
}

// A timer that fires later than this shows that the process was held up, and polled nothing meanwhile.
const mostLateMs = 1000;

/** The state when its timer for the end of the quiet period fires. */
export function whenDue(state: MarkState, nowMs: number, quietPeriodMs: number): MarkState {
  const isLate = nowMs - (state.idleSinceMs ?? nowMs) > quietPeriodMs + mostLateMs;
  return nextMark(isLate ? unknownYet : state, 'idle', nowMs, quietPeriodMs);
}

/**
 * The change of the pod's metadata that makes a mark. A pod without the annotation has a deletion cost of
 * 0: it is unknown, and so between the two.
 *
 * A request that was given up may still be carried out later. With the version that it was made for it
 * cannot undo a later one: `marked-at` makes sure that each of them makes a new version.
 */
export function markPatch(mark: Mark, resourceVersion: string, now: Date) {
  const isBusy = mark === 'busy';
  return {
    metadata: {
      resourceVersion,
      labels: { 'buildkit-drain/busy': String(isBusy) },
      annotations: {
        'buildkit-drain/marked-at': now.toISOString(),
        'cluster-autoscaler.kubernetes.io/safe-to-evict': String(!isBusy),
        'controller.kubernetes.io/pod-deletion-cost': isBusy ? '100' : '-100',
        'karpenter.sh/do-not-disrupt': isBusy ? 'true' : null,
      },
    },
  };
}

const usualTimes = { requestTimeoutMs: 10_000, firstRetryMs: 500 };
const longestRetryMs = 60_000;
// A person may give the right that is missing.
const refusedRetryMs = 300_000;
const longestRetryAfterMs = 600_000;

/** How long to wait after so many failures in a row. @param random from 0 to 1. */
export function retryDelayMs(
  error: ApiError,
  failures: number,
  random: number,
  firstRetryMs = usualTimes.firstRetryMs,
): number {
  const { retryAfterMs } = error;
  const mostMs = isPassing(error)
    ? Math.min(longestRetryMs, firstRetryMs * 2 ** (failures - 1))
    : refusedRetryMs;
  // Of many pods that failed together, not all come back together.
  const ownMs = mostMs * (0.5 + random / 2);
  return Math.max(ownMs, Math.min(retryAfterMs ?? 0, longestRetryAfterMs) * (1 + random / 10));
}

export interface MarkInput {
  readonly api: PodApi;
  readonly quietPeriodMs: number;
  readonly onEvent: (event: PodMarkEvent) => void;
  readonly times?: typeof usualTimes;
}

/** Marks the pod as busy, and from then on as it is told to. */
export function openPodMarks({
  api,
  quietPeriodMs,
  onEvent,
  times: { requestTimeoutMs, firstRetryMs } = usualTimes,
}: MarkInput): PodMarks {
  const over = new AbortController();
  let state = unknownYet;
  /** The marks that the pod has; null if that is not certain. */
  let marked: Mark | null = null;
  let attempt = new AbortController();
  let isRunning = false;
  let timer: NodeJS.Timeout | undefined;
  let failures = 0;
  let reported = new Set<string>();

  const tryOnce = async (mark: Mark): Promise<void> => {
    attempt = new AbortController();
    const limit = { timeoutMs: requestTimeoutMs, signal: attempt.signal };
    const { resourceVersion } = await api.get(limit);
    marked = null;
    await api.patch(markPatch(mark, resourceVersion, new Date()), limit);
    marked = mark;
    failures = 0;
    reported = new Set();
    onEvent({ kind: 'pod-marked', mark });
  };
  const recover = async (mark: Mark, cause: unknown): Promise<void> => {
    if (attempt.signal.aborted) {
      return;
    }
    const error =
      cause instanceof ApiError ? cause : new ApiError('ERR_API', String(cause), { cause });
    failures += 1;
    const retryInMs = Math.round(retryDelayMs(error, failures, Math.random(), firstRetryMs));
    // What passes at the next attempt is not worth a warning, and what lasts is worth one.
    const isWorthIt = failures > 1 || retryInMs > longestRetryMs;
    if (isWorthIt && !reported.has(error.message)) {
      reported.add(error.message);
      onEvent({ kind: 'pod-mark-failed', mark, error, retryInMs });
    }
    await delay(retryInMs, undefined, { ref: false, signal: over.signal }).catch(() => {});
  };
  const run = async (): Promise<void> => {
    isRunning = true;
    while (!over.signal.aborted && marked !== state.wanted) {
      const mark = state.wanted;
      try {
        await tryOnce(mark);
      } catch (error) {
        await recover(mark, error);
      }
    }
    isRunning = false;
  };
  const enter = (next: MarkState): void => {
    const before = state;
    state = next;
    clearTimeout(timer);
    if (next.idleSinceMs !== null && next.wanted === 'busy') {
      const leftMs = next.idleSinceMs + quietPeriodMs - performance.now();
      timer = setTimeout(review, Math.max(1, Math.ceil(leftMs)));
      timer.unref();
    }
    if (before.wanted === 'idle' && next.wanted === 'busy') {
      // It would only delay the other one.
      attempt.abort();
    }
    if (!isRunning) {
      void run();
    }
  };
  const review = (): void => enter(whenDue(state, performance.now(), quietPeriodMs));

  void run();
  return {
    update(activity, nowMs) {
      enter(nextMark(state, activity, nowMs, quietPeriodMs));
    },
    close() {
      clearTimeout(timer);
      over.abort();
      attempt.abort();
    },
  };
}
