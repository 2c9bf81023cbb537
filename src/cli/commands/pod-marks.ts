import type { PodMarks } from '../../kubernetes/types.ts';
import { podMarkEntry } from '../../messages/own-pod.ts';
import { UsageError } from '../../options/read.ts';
import type { WaitPlan } from './plan-wait.ts';

/**
 * Marks the own pod as busy, and from then on as it is told to.
 *
 * @throws UsageError if the environment does not say which pod that is.
 */
export async function openOwnPodMarks({ env, config, log }: WaitPlan): Promise<PodMarks> {
  const { openPodApi, openPodMarks } = await import('../../kubernetes/own-pod.ts');
  try {
    return openPodMarks({
      api: openPodApi(env),
      quietPeriodMs: config.quietPeriodMs,
      onEvent: (event) => log(podMarkEntry(event)),
    });
  } catch (cause) {
    throw new UsageError(`--mark-pod: ${(cause as Error).message}`, { cause });
  }
}
