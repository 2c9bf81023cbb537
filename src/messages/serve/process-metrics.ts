import type { ProcessUsage } from '../../serve/own-process.ts';
import { type Metric, valuePoints } from './exposition.ts';

export interface OwnProcess {
  /** When the process started, in seconds since the epoch. */
  readonly startedAtSeconds: number;
  readonly usage: ProcessUsage;
}

/** The metrics of any process, by the names that Prometheus's client libraries give them. */
export function processMetrics({ startedAtSeconds, usage }: OwnProcess): Metric[] {
  return [
    {
      ...{ name: 'process_start_time_seconds', type: 'gauge', unit: 'seconds' },
      help: 'When the process started, since the epoch.',
      points: [{ value: startedAtSeconds }],
    },
    {
      ...{ name: 'process_cpu_seconds', type: 'counter', unit: 'seconds' },
      help: 'CPU time that the process has used.',
      points: valuePoints(usage.cpuSeconds),
    },
    {
      ...{ name: 'process_resident_memory_bytes', type: 'gauge', unit: 'bytes' },
      help: 'Memory of the process that is resident.',
      points: valuePoints(usage.residentBytes),
    },
    {
      ...{ name: 'process_virtual_memory_bytes', type: 'gauge', unit: 'bytes' },
      help: 'Address space of the process.',
      points: valuePoints(usage.virtualBytes),
    },
    {
      ...{ name: 'process_open_fds', type: 'gauge' },
      help: 'File descriptors that the process has open.',
      points: valuePoints(usage.openFds),
    },
    {
      ...{ name: 'process_max_fds', type: 'gauge' },
      help: 'How many file descriptors the process may have open.',
      points: valuePoints(usage.maxFds),
    },
    {
      ...{ name: 'process_threads', type: 'gauge' },
      help: 'Threads of the process.',
      points: valuePoints(usage.threads),
    },
  ];
}
