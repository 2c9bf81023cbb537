import type { Endpoint, Sample } from '../inspect/types.ts';
import { nowhereToAsk } from './answers.ts';
import { type BuildsClient, createBuildsClient } from './client.ts';
import type {
  BuildsAnswer,
  BuildsSource,
  DaemonAnswer,
  ListeningDaemon,
  TlsConfig,
} from './types.ts';

/** Asks the daemons behind a sample. */
export interface DaemonBuilds extends BuildsSource {
  /** How many TCP connections asking may have made. */
  readonly tcpConnections: () => number;
  readonly close: () => void;
}

/**
 * Makes the way to ask which builds run.
 *
 * @param daemonsOf the daemons that a sample has seen to listen: one answer is enough of a daemon, and
 * none stands for another.
 */
export function openBuilds(
  daemonsOf: (sample: Sample) => readonly ListeningDaemon[],
  tls: TlsConfig | null,
): DaemonBuilds {
  const clients = new Map<string, BuildsClient>();
  // The listeners of daemons that have named a running build, and so are known to name them.
  const naming = new Set<number>();
  let tcpConnections = 0;

  const clientAt = (endpoint: Endpoint): BuildsClient => {
    const client = clients.get(endpoint.address) ?? createBuildsClient({ endpoint, tls });
    clients.set(endpoint.address, client);
    return client;
  };

  // Over a unix socket there is no TLS.
  const askDaemon = async ({ endpoints, listeners }: ListeningDaemon): Promise<BuildsAnswer> => {
    let answer = nowhereToAsk();
    for (const endpoint of endpoints.toSorted(unixFirst)) {
      tcpConnections += endpoint.kind === 'tcp' ? 1 : 0;
      answer = await clientAt(endpoint).ask(listeners.some((inode) => naming.has(inode)));
      if (answer.kind === 'known') {
        break;
      }
    }
    if (answer.kind === 'known' && answer.builds.length > 0) {
      for (const inode of listeners) {
        naming.add(inode);
      }
    }
    return answer;
  };

  return {
    ask: (sample) =>
      Promise.all(
        daemonsOf(sample).map(async (daemon): Promise<DaemonAnswer> => {
          return { ...daemon, answer: await askDaemon(daemon) };
        }),
      ),
    ownPeers: () => [...clients.values()].flatMap((client) => client.ownPeers()),
    isSettled: () => [...clients.values()].every((client) => client.isSettled()),
    tcpConnections: () => tcpConnections,
    close() {
      for (const client of clients.values()) {
        client.close();
      }
    },
  };
}

function unixFirst({ kind: one }: Endpoint, { kind: other }: Endpoint): number {
  return Number(other === 'unix') - Number(one === 'unix');
}
