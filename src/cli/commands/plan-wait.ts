import type { DrainConfig } from '../../drain/types.ts';
import { createLog, type LogEntry } from '../../messages/log/log.ts';
import { openLog, type StderrOwnership } from '../../messages/log/open-log.ts';
import { isOldNode, mistakeEntry, oldNodeEntry, uncaughtEntry } from '../../messages/problems.ts';
import { isInContainer } from '../../monitor/container.ts';
import { procRoot } from '../../monitor/monitor.ts';
import { drainConfig } from '../../options/drain-config.ts';
import type { Environment, Mistake } from '../../options/read.ts';
import type { LogOptionValues, WaitOptionValues } from '../../options/table.ts';
import { findUnknown } from '../../options/unknown-variables.ts';
import type { ProcessContext } from '../process-context.ts';
import { openTls, type Tls, tlsMistakes } from './tls.ts';

/** What a wait needs. */
export interface WaitPlan {
  readonly options: WaitOptionValues;
  readonly env: Environment;
  readonly tls: Tls;
  readonly config: DrainConfig;
  readonly log: (entry: LogEntry) => void;
  /** Whether to wait in spite of a mistake that shows only when the wait begins. */
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

/** Plans a wait, and logs what is wrong with its settings and environment but does not prevent it. */
export async function planWait(
  { options, mistakes, goesOn, stderr }: PlanInput,
  { env, onUncaught, self }: ProcessContext,
): Promise<WaitPlan> {
  const tls = openTls(options);
  const log = openWaitLog(options, env, stderr);
  // Between waits. During one, the wait takes over.
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

/** Opens the log of a wait, or of an error before it. */
export function openWaitLog(
  options: LogOptionValues,
  env: Environment,
  stderr: StderrOwnership,
): (entry: LogEntry) => void {
  let trouble: string | null = null;
  const write = openLog({
    logTo: options['log-to'],
    inContainer: isInContainer(env),
    procRoot,
    stderr,
    onTrouble(message) {
      trouble ??= message;
      logEntry({ level: 'warn', message, fields: { event: 'log-failed' } });
    },
    onLoss: (message) => logEntry({ level: 'warn', message, fields: { event: 'log-lost' } }),
  });
  const logEntry = createLog({
    format: options['log-format'],
    level: options['log-level'],
    prefix: options['log-prefix'],
    now: () => new Date(),
    write: (line, entry) => write(line, isLast(entry)),
  });
  // If lines were lost, the last line says so: it may be the only one that is read.
  return (entry) => {
    logEntry(
      entry.fields.event === 'ended' && trouble !== null
        ? { ...entry, message: `${entry.message} ${trouble}` }
        : entry,
    );
  };
}

/** Whether a wait ends with this entry, or a command does because of an error. */
function isLast({ fields: { event } }: LogEntry): boolean {
  return event === 'ended' || event === 'failed';
}
