import {
  acceptanceAnswer,
  noWaitAnswer,
  outcomeAnswer,
  readinessAnswer,
  servingAnswer,
  statusAnswer,
} from '../../messages/serve/answers.ts';
import { metricsFormat } from '../../messages/serve/exposition.ts';
import { metricsAnswer } from '../../messages/serve/metrics.ts';
import { statusJson } from '../../messages/status.ts';
import { procRoot } from '../../monitor/monitor.ts';
import { readProcessUsage } from '../../serve/own-process.ts';
import type { Answer, Call, Route, Routes } from '../../serve/types.ts';
import { exitCodeOf } from '../exit-codes.ts';
import type { WaitPlan } from './plan-wait.ts';
import type { Service } from './service.ts';

interface RoutesInput {
  readonly plan: WaitPlan;
  readonly version: string;
}

/** The paths that are served. */
export function routesOf(service: Service, { plan, version }: RoutesInput): Routes {
  const startedAtSeconds = performance.timeOrigin / 1000;
  const get = (answer: Route['answer']): Route => ({ methods: ['GET', 'HEAD'], answer });
  return new Map<string, Route>([
    // A HEAD must neither begin a wait nor look like the end of one.
    ['/drain', { methods: ['GET'], answer: (call) => drain(service, call) }],
    ['/healthz', get(servingAnswer)],
    ['/accepting', get(() => acceptanceAnswer(service.acceptance()))],
    ['/readyz', get(async () => readinessAnswer(await service.reading()))],
    [
      '/connections',
      get(async () => {
        const reading = await service.readingWithBuilds();
        return reading === null
          ? readinessAnswer(null)
          : statusAnswer(statusJson(service.reportOf(reading)));
      }),
    ],
    [
      '/metrics',
      get(async ({ accept }) => {
        const reading = await service.readingWithBuilds();
        return metricsAnswer(metricsFormat(accept), {
          ...{ version, startedAtSeconds, reading },
          stats: service.stats(),
          timeToIdle: service.timeToIdle(),
          config: plan.config,
          usage: readProcessUsage(procRoot),
          wallMs: Date.now(),
        });
      }),
    ],
  ]);
}

/** Waits, and answers at the end. */
function drain({ wait }: Service, { onHangUp }: Call): Promise<Answer> {
  return new Promise((resolve) => {
    const leave = wait.join((result) => {
      if (result.kind === 'failed') {
        const { error } = result;
        resolve(noWaitAnswer(error instanceof Error ? error.message : String(error)));
        return;
      }
      const { outcome, lastEntry } = result.end;
      resolve(outcomeAnswer(outcome, lastEntry, exitCodeOf(outcome)));
    });
    onHangUp(leave);
  });
}
