import { createLog, type LogEntry } from '../../messages/log/log.ts';
import { openLog, type StderrOwnership } from '../../messages/log/open-log.ts';
import { isInContainer } from '../../monitor/container.ts';
import { procRoot } from '../../monitor/monitor.ts';
import type { Environment } from '../../options/read.ts';
import type { LogOptionValues } from '../../options/table.ts';

/** Opens the log of a wait, or of what a hook has to say before one. */
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
      logEntry({ level: 'warn', message });
    },
    onLoss: (message) => logEntry({ level: 'warn', message }),
  });
  const logEntry = createLog({
    format: options['log-format'],
    level: options['log-level'],
    prefix: options['log-prefix'],
    now: () => new Date(),
    write,
  });
  // Of a log with holes the last line says so: it may be all that somebody looks at.
  return (entry) => {
    const isLast = entry.fields?.['event'] === 'ended';
    logEntry(
      isLast && trouble !== null ? { ...entry, message: `${entry.message} ${trouble}` } : entry,
    );
  };
}
