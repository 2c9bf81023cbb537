import { isRunning, type Process } from '../backends/procfs/processes.ts';
import { createProcfsBackend } from '../backends/procfs/procfs.ts';
import type { Backend } from '../backends/types.ts';

/**
 * The backend of endpoints in another network namespace, that of a process. It reads the tables
 * there, and of unix sockets ours as well: the kernel lists an accepted one in the namespace of its
 * client.
 *
 * When the process is dead there is no way to its namespace any more, and its sockets are closed:
 * that is an answer, of no listener and no connection.
 */
export function createOtherNetnsBackend(
  procRoot: string,
  netDirectory: string,
  process: Process,
): Backend {
  const theirs = createProcfsBackend(netDirectory);
  const ours = createProcfsBackend(`${procRoot}/net`);
  return {
    name: 'procfs',
    poll(endpoint) {
      if (!isRunning(procRoot, process)) {
        return { listenerInodes: [], connections: [] };
      }
      const there = theirs.poll(endpoint);
      if (endpoint.kind === 'tcp') {
        return there;
      }
      const here = ours.poll(endpoint);
      return {
        listenerInodes: [...there.listenerInodes, ...here.listenerInodes],
        connections: [...there.connections, ...here.connections],
      };
    },
    close() {},
  };
}
