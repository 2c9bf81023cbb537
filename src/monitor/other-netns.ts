import { isRunning, type Process } from '../backends/procfs/processes.ts';
import { createProcfsBackend } from '../backends/procfs/procfs.ts';
import type { Backend, EndpointSnapshot } from '../backends/types.ts';

// The revisions of procfs begin at 1.
const noSockets: EndpointSnapshot = { revision: -1, listenerInodes: [], connections: [] };

/**
 * The backend for endpoints in the network namespace of another process. It reads the tables there,
 * and for unix sockets ours as well: the kernel lists an accepted one in the namespace of its client.
 *
 * Once the process is dead, its namespace can no longer be reached, and its sockets are closed: the
 * answer then is no listener and no connection.
 */
export function createOtherNetnsBackend(
  procRoot: string,
  netDirectory: string,
  process: Process,
): Backend {
  return {
    name: 'procfs',
    open(endpoint) {
      const theirs = createProcfsBackend(netDirectory).open(endpoint);
      const ours =
        endpoint.kind === 'unix' ? createProcfsBackend(`${procRoot}/net`).open(endpoint) : null;
      const poll = (): EndpointSnapshot => {
        const there = theirs.poll();
        const here = ours?.poll() ?? noSockets;
        return {
          revision: there.revision + here.revision,
          listenerInodes: [...there.listenerInodes, ...here.listenerInodes],
          connections: [...there.connections, ...here.connections],
        };
      };
      return {
        poll: () => (isRunning(procRoot, process) ? poll() : noSockets),
        tcp: null,
        close() {
          theirs.close();
          ours?.close();
        },
      };
    },
  };
}
