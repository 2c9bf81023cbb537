import type { DrainConfig } from '../../drain/types.ts';
import { isOldNode, oldNodeEntry } from '../../messages/environment-entries.ts';
import { uncaughtEntry } from '../../messages/failure.ts';
import type { LogEntry } from '../../messages/log/log.ts';
import type { StderrOwnership } from '../../messages/log/open-log.ts';
import { mistakeEntry } from '../../messages/settings.ts';
import type { Environment, Mistake } from '../../options/read.ts';
import type { WaitOptionValues } from '../../options/table.ts';
import { findUnknown } from '../../options/unknown-variables.ts';
import type { ProcessContext } from '../process-context.ts';
import { clientsOnly } from './open-monitor.ts';
import { openTls, type Tls, tlsMistakes } from './tls.ts';
import { openWaitLog } from './wait-log.ts';

/** All that a wait is done by. */
export interface WaitPlan {
  readonly options: WaitOptionValues;
  readonly env: Environment;
  readonly tls: Tls;
  readonly config: DrainConfig;
  readonly log: (entry: LogEntry) => void;
  /** Whether a mistake that shows when the wait begins does not end it. */
  readonly goesOn: () => Promise<boolean>;
  readonly onUncaught: ProcessContext['onUncaught'];
}

export interface PlanInput {
  readonly options: WaitOptionValues;
  readonly mistakes: readonly Mistake[];
  readonly goesOn: WaitPlan['goesOn'];
  /** Whether another process writes to the same standard error. */
  readonly stderr: StderrOwnership;
}

/** Says in the log what is wrong with the settings and the place, none of which keeps from waiting. */
export async function planWait(
  { options, mistakes, goesOn, stderr }: PlanInput,
  { env, onUncaught, self }: ProcessContext,
): Promise<WaitPlan> {
  const tls = openTls(options);
  const log = openWaitLog(options, env, stderr);
  // Between waits, which hear for themselves.
  onUncaught((error) => log(uncaughtEntry(error)));
  if (isOldNode(self.nodeVersion)) {
    log(oldNodeEntry(self.nodeVersion));
  }
  const late = [...findUnknown(env), ...(options.builds === 'off' ? [] : await tlsMistakes(tls))];
  for (const mistake of [...mistakes, ...late]) {
    log(mistakeEntry(mistake));
  }
  return { options, env, tls, config: drainConfig(options), log, goesOn, onUncaught };
}

function drainConfig(options: WaitOptionValues): DrainConfig {
  return {
    intervalMs: options.interval,
    quietPeriodMs: options['quiet-period'],
    timeoutMs: options.timeout,
    minWaitMs: options['min-wait'],
    maxConnections: options['max-connections'],
    counts: clientsOnly(options),
    probeGraceMs: options['probe-grace'],
    ignoreSilentMs: options['ignore-silent'],
    ignoreUnreachableMs: options['ignore-unreachable'],
    builds: options.builds,
    onUnknown: options['on-unknown'],
    progressEveryMs: options['progress-every'],
  };
}
