import { createProcfsBackend } from './procfs/procfs.ts';
import { createSockDiagBackend } from './sock-diag.ts';
import type { Backend, BackendName } from './types.ts';

/** The means of looking, the preferred one first. */
export function createBackends(only: BackendName | 'auto', procRoot: string): Backend[] {
  const makers: Record<BackendName, () => Backend> = {
    'sock-diag': createSockDiagBackend,
    procfs: () => createProcfsBackend(`${procRoot}/net`),
  };
  return only === 'auto' ? Object.values(makers).map((make) => make()) : [makers[only]()];
}
