import { type ChoiceNotice, lookByBest } from '../inspect/choose.ts';
import { watchDaemon } from '../inspect/daemon.ts';
import { createInspectors } from '../inspect/inspectors.ts';
import { createSampler } from '../inspect/sampler.ts';
import type { Connection, Endpoint, Inspector, Sampler } from '../inspect/types.ts';
import { chooseEndpoints } from '../options/endpoints.ts';
import type { Environment } from '../options/read-options.ts';
import type { LookOptionValues } from '../options/wait-options.ts';

export const procRoot = '/proc';

/** Where the program runs, as far as the way of looking and logging depends on it. */
export function isInPod(env: Environment): boolean {
  return Boolean(env['KUBERNETES_SERVICE_HOST']);
}

export interface Lookout {
  readonly sampler: Sampler;
  /** Calls back soon after a connection has ended, where the kernel tells of it. */
  readonly onEnd: (callback: () => void) => void;
  /** Connections that came and went without any look having seen them: at least so many. */
  readonly seenBetweenLooks: () => number;
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
    looker: lookByBest(endpoint, inspectors, notify),
  }));
  const sampler = createSampler(watched, watchDaemon(procRoot, isInPod(env)));
  const close = (): void => {
    for (const inspector of inspectors) {
      inspector.close();
    }
  };
  const onEnd = (callback: () => void): void => {
    const soon = atMostEvery(shortestWakeMs, callback);
    for (const { endpoint } of endpoints) {
      for (const inspector of inspectors) {
        tellOfEnd(inspector, endpoint, soon);
      }
    }
  };
  const seenBetweenLooks = (): number => {
    const counts = inspectors.flatMap((inspector) =>
      endpoints.map(({ endpoint }) => inspector.seenBetweenLooks?.(endpoint) ?? 0),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  };
  return { sampler, onEnd, seenBetweenLooks, close };
}

// Where many connections come and go, their ends must not make the loop look all the time.
const shortestWakeMs = 5;

function atMostEvery(pauseMs: number, callback: () => void): () => void {
  let isDue = false;
  const call = (): void => {
    isDue = false;
    callback();
  };
  return () => {
    if (!isDue) {
      isDue = true;
      setTimeout(call, pauseMs).unref();
    }
  };
}

// The ends of connections only save time: where they can't be had, the next look finds out.
function tellOfEnd(inspector: Inspector, endpoint: Endpoint, callback: () => void): void {
  try {
    inspector.onEnd?.(endpoint, callback);
  } catch {}
}

/** Which connections count as clients. */
export function clientsOnly(options: LookOptionValues): (connection: Connection) => boolean {
  const isIgnored = options['ignore-peer'];
  return ({ peerAddress }) => peerAddress === null || !isIgnored(peerAddress);
}
