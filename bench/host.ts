import { arch, availableParallelism, cpus, release, totalmem } from 'node:os';
import { tcpHashBuckets } from './proc.ts';
import type { HostFacts } from './types.ts';

export function hostFacts(version: string, node: string): HostFacts {
  return {
    version,
    node,
    kernel: release(),
    arch: arch(),
    cpuModel: cpus()[0]?.model ?? 'unknown',
    cpus: availableParallelism(),
    memoryMib: Math.round(totalmem() / 2 ** 20),
    tcpHashBuckets: tcpHashBuckets(),
  };
}
