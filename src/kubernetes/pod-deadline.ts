import { setTimeout as delay } from 'node:timers/promises';
import { openPodApi, type PodMetadata } from './api.ts';
import { type ApiError, isPassing } from './api-error.ts';
import type { PodDeadline } from './types.ts';

const patienceMs = 2000;
const shortestPauseMs = 250;

/**
 * Asks the API server when the own pod is to be gone. Never rejects, and takes two seconds at most.
 *
 * @param signal raised, it ends the question.
 */
export async function readPodDeadline(
  env: Parameters<typeof openPodApi>[0],
  signal: AbortSignal,
  folder?: string,
): Promise<PodDeadline> {
  const endMs = performance.now() + patienceMs;
  for (;;) {
    try {
      const timeoutMs = Math.max(1, Math.round(endMs - performance.now()));
      return deadlineOf(await openPodApi(env, folder).get({ timeoutMs, signal }));
    } catch (cause) {
      const error = cause as ApiError;
      const pauseMs = Math.max(shortestPauseMs, error.retryAfterMs ?? 0);
      const isOver = signal.aborted || performance.now() + pauseMs >= endMs;
      if (isOver || !isPassing(error)) {
        return { kind: 'unknown', error };
      }
      await delay(pauseMs, undefined, { ref: false });
    }
  }
}

const longestMarginMs = 120_000;
const shortestMarginMs = 10_000;

/**
 * What is left for the daemon's own end, and for the kubelet's and our delays: a twentieth of the grace period,
 * at least 10 s, at most two minutes, and never more than half of a short one.
 */
export function marginMs(graceMs: number): number {
  const usual = Math.min(longestMarginMs, Math.max(shortestMarginMs, graceMs / 20));
  return Math.min(usual, graceMs / 2);
}

/** By the server's clock, which set the time of deletion: the node's may differ. */
export function deadlineOf(pod: PodMetadata): PodDeadline {
  const { deletionTimestamp, deletionGracePeriodSeconds, nowMs } = pod;
  const goneMs = Date.parse(deletionTimestamp ?? '');
  if (Number.isNaN(goneMs)) {
    return { kind: 'not-deleted' };
  }
  const leftMs = goneMs - nowMs;
  const graceMs = (deletionGracePeriodSeconds ?? leftMs / 1000) * 1000;
  return leftMs > 0
    ? { kind: 'known', leftMs: Math.max(0, leftMs - marginMs(graceMs)), graceMs }
    : { kind: 'passed' };
}
