import { isRunning, type Process } from '../backends/procfs/processes.ts';
import { createProcfsInspector } from '../backends/procfs/procfs.ts';
import type { Inspector } from '../backends/types.ts';

/**
 * The inspector of endpoints in another network namespace, that of a process. It reads the tables
 * there, and of unix sockets ours as well: the kernel lists an accepted one in the namespace of its
 * client.
 *
 * When the process is dead there is no way to its namespace any more, and its sockets are closed:
 * that is an answer, of no listener and no connection.
 */
export function createElsewhereInspector(
  procRoot: string,
  netDirectory: string,
  process: Process,
): Inspector {
  const theirs = createProcfsInspector(netDirectory);
  const ours = createProcfsInspector(`${procRoot}/net`);
  return {
    name: 'procfs',
    look(endpoint) {
      if (!isRunning(procRoot, process)) {
        return { listenerInodes: [], connections: [] };
      }
      const there = theirs.look(endpoint);
      if (endpoint.kind === 'tcp') {
        return there;
      }
      const here = ours.look(endpoint);
      return {
        listenerInodes: [...there.listenerInodes, ...here.listenerInodes],
        connections: [...there.connections, ...here.connections],
      };
    },
    close() {},
  };
}
