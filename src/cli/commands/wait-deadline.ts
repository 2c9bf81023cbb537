import type { DeadlineSource } from '../../drain/drain.ts';
import type { PodDeadline } from '../../kubernetes/types.ts';
import { podDeadlineEntry } from '../../messages/own-pod.ts';
import { noDeadlineEntry } from '../../messages/problems.ts';
import { isInPod } from '../../monitor/container.ts';
import type { WaitPlan } from './plan-wait.ts';

// As --timeout: Node's timers can't count much further.
const longestMs = 7 * 24 * 3_600_000;

/**
 * The deadline of a wait. With `--timeout=pod` it is the fallback until the pod has given another: the
 * question goes on beside the wait, which it neither delays nor ends.
 */
export function openDeadline(
  { options, env, log }: WaitPlan,
  startedMs: number,
): DeadlineSource & { readonly close: () => void } {
  const { isFromPod, ms: fallbackMs } = options.timeout;
  const over = new AbortController();
  let timeoutMs = fallbackMs;
  let onChange = (): void => {};

  const take = (deadline: PodDeadline): void => {
    if (over.signal.aborted) {
      return;
    }
    if (deadline.kind === 'known') {
      timeoutMs = Math.min(longestMs, performance.now() - startedMs + deadline.leftMs);
      onChange();
    }
    log(podDeadlineEntry(deadline, timeoutMs));
  };
  const ask = async (): Promise<void> => {
    const { readPodDeadline } = await import('../../kubernetes/own-pod.ts');
    take(await readPodDeadline(env, over.signal));
  };

  if (isFromPod) {
    ask().catch((cause: Error) => {
      const error = { code: 'ERR_API', operation: 'load', message: cause.message };
      take({ kind: 'unknown', error });
    });
  } else if (fallbackMs === null && isInPod(env)) {
    log(noDeadlineEntry());
  }
  return {
    timeoutMs: () => timeoutMs,
    onChange(callback) {
      onChange = callback;
    },
    close: () => over.abort(),
  };
}
