import { createProcfsInspector } from './procfs/procfs.ts';
import { createSockDiagInspector } from './sock-diag.ts';
import type { Inspector, InspectorName } from './types.ts';

/** The means of looking, the preferred one first. */
export function createInspectors(only: InspectorName | 'auto', procRoot: string): Inspector[] {
  const makers: Record<InspectorName, () => Inspector> = {
    'sock-diag': createSockDiagInspector,
    procfs: () => createProcfsInspector(`${procRoot}/net`),
  };
  return only === 'auto' ? Object.values(makers).map((make) => make()) : [makers[only]()];
}
