import { type ChoiceNotice, lookByBest } from '../inspect/choose.ts';
import { watchDaemon } from '../inspect/daemon.ts';
import { createInspectors } from '../inspect/inspectors.ts';
import { createSampler } from '../inspect/sampler.ts';
import type { Connection, Sample } from '../inspect/types.ts';
import { chooseEndpoints } from '../options/endpoints.ts';
import type { Environment } from '../options/read-options.ts';
import type { LookOptionValues } from '../options/wait-options.ts';

export const procRoot = '/proc';

/** Where the program runs, as far as the way of looking and logging depends on it. */
export function isInPod(env: Environment): boolean {
  return Boolean(env['KUBERNETES_SERVICE_HOST']);
}

export interface Lookout {
  readonly sample: () => Sample;
  readonly close: () => void;
}

/** Puts together what takes samples, as the options ask for it. @throws UsageError */
export function openLookout(
  options: LookOptionValues,
  env: Environment,
  notify: (notice: ChoiceNotice) => void,
): Lookout {
  const endpoints = chooseEndpoints(options.addr, env);
  const inspectors = createInspectors(options.inspector, procRoot);
  const watched = endpoints.map(({ endpoint, isAssumed }) => ({
    endpoint,
    isAssumed,
    look: lookByBest(endpoint, inspectors, notify),
  }));
  const sample = createSampler(watched, watchDaemon(procRoot, isInPod(env)));
  const close = (): void => {
    for (const inspector of inspectors) {
      inspector.close();
    }
  };
  return { sample, close };
}

/** Which connections count as clients. */
export function clientsOnly(options: LookOptionValues): (connection: Connection) => boolean {
  const isIgnored = options['ignore-peer'];
  return ({ peerAddress }) => peerAddress === null || !isIgnored(peerAddress);
}
