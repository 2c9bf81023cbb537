import { setTimeout as delay } from 'node:timers/promises';
import type { PodMarks } from '../../kubernetes/types.ts';
import { podMarkEntry } from '../../messages/own-pod.ts';
import { UsageError } from '../../options/read.ts';
import type { ServiceReading } from '../../serve/types.ts';
import type { WaitPlan } from './plan-wait.ts';
import type { Service } from './service.ts';

const pollEveryMs = 1000;

/**
 * Prepares to mark the own pod.
 *
 * @returns a function that begins to, and returns one that ends it.
 * @throws UsageError if the environment does not say which pod that is.
 */
export async function preparePodMarks({
  env,
  config,
  log,
}: WaitPlan): Promise<(service: Service) => () => void> {
  const { openPodApi, openPodMarks } = await import('../../kubernetes/own-pod.ts');
  let api: ReturnType<typeof openPodApi>;
  try {
    api = openPodApi(env);
  } catch (cause) {
    throw new UsageError(`--mark-pod: ${(cause as Error).message}`, { cause });
  }
  const { quietPeriodMs } = config;
  return (service) => {
    const marks = openPodMarks({
      api,
      quietPeriodMs,
      onEvent: (event) => log(podMarkEntry(event)),
    });
    const over = new AbortController();
    void feed(marks, service, config, over.signal);
    return () => {
      over.abort();
      marks.close();
    };
  };
}

async function feed(
  marks: PodMarks,
  service: Service,
  config: WaitPlan['config'],
  over: AbortSignal,
): Promise<void> {
  while (!over.aborted) {
    marks.update(activityOf(await service.reading(), config), performance.now());
    await delay(pollEveryMs, undefined, { ref: false, signal: over }).catch(() => {});
  }
}

function activityOf(
  reading: ServiceReading | null,
  { maxConnections, builds: mode }: WaitPlan['config'],
): Parameters<PodMarks['update']>[0] {
  const { sample, clients = [], builds } = reading ?? {};
  if (clients.length > maxConnections || (builds?.kind === 'known' && builds.builds.length > 0)) {
    return 'busy';
  }
  if (mode === 'require' && builds?.kind !== 'known') {
    return 'unknown';
  }
  const isGone = sample?.kind === 'gone' && sample.wasThere;
  return sample?.kind === 'counted' || isGone ? 'idle' : 'unknown';
}
