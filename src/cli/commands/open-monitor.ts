import { type MonitorOptions, type OpenMonitor, openMonitor } from '../../monitor/monitor.ts';
import { type Environment, type Mistake, parseFrom } from '../../options/read.ts';
import type { EndpointOptionValues } from '../../options/table.ts';

/** A monitor's options, from those of a command. */
export function monitorOptions(
  { addr, pid, backend }: EndpointOptionValues,
  env: Environment,
): Omit<MonitorOptions, 'notify'> {
  return { addresses: addr, pid, backend, env };
}

/** @throws UsageError if `--pid` is not that of a running process. */
export function openMonitorFor(
  options: EndpointOptionValues,
  env: Environment,
  notify: MonitorOptions['notify'],
  rest: Pick<MonitorOptions, 'trustMs'> = {},
): OpenMonitor {
  return parseFrom('--pid', () =>
    openMonitor({ ...monitorOptions(options, env), notify, ...rest }),
  );
}

/** The mistake of a `--pid` that names no process. */
export function pidMistake({ message }: Error): Mistake {
  return { level: 'error', message, instead: 'going on without it', isOurs: true };
}
