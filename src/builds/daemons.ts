import type { BackendError, Endpoint, Sample } from '../backends/types.ts';
import type { TlsConfig, TlsSource } from '../grpc/types.ts';
import { askError, nowhereToAsk } from './answers.ts';
import { type BuildsClient, createBuildsClient } from './client.ts';
import type { BuildsAnswer, BuildsSource, DaemonAnswer, ListeningDaemon } from './types.ts';

/** Asks the daemons behind a sample. */
export interface DaemonBuilds extends BuildsSource {
  /** How many TCP connections its questions may have opened. */
  readonly tcpConnections: () => number;
  readonly close: () => void;
}

/**
 * Asks the daemons behind samples which builds are running.
 *
 * @param daemonsOf the daemons whose listeners are in a sample. One answer is enough for a daemon, and never stands for
 * another daemon.
 */
export function openBuilds(
  daemonsOf: (sample: Sample) => Promise<readonly ListeningDaemon[]>,
  tls: TlsSource,
): DaemonBuilds {
  const clients: OpenClient[] = [];
  // The listeners of daemons that have named a running build, and so are known to name their builds.
  const naming = new Set<number>();
  let tcpConnections = 0;

  const clientAt = (endpoint: Endpoint, config: TlsConfig | null): BuildsClient => {
    const { address } = endpoint;
    const known = clients.find((each) => each.address === address && each.config === config);
    if (known !== undefined) {
      return known.client;
    }
    const client = createBuildsClient({ endpoint, tls: config });
    clients.push({ address, config, client });
    return client;
  };

  // Over a unix socket there is no TLS.
  const askAt = async (endpoint: Endpoint, namesBuilds: boolean): Promise<BuildsAnswer> => {
    let config: TlsConfig | null;
    try {
      config = endpoint.kind === 'unix' ? null : await tls.read();
    } catch (error) {
      return { kind: 'unknown', error: noTlsFiles(error as Error) };
    }
    tcpConnections += endpoint.kind === 'tcp' ? 1 : 0;
    return await clientAt(endpoint, config).ask(namesBuilds);
  };

  const askDaemon = async ({ endpoints, listeners }: ListeningDaemon): Promise<BuildsAnswer> => {
    let answer = nowhereToAsk();
    for (const endpoint of [...endpoints].sort(unixFirst)) {
      answer = await askAt(
        endpoint,
        listeners.some((inode) => naming.has(inode)),
      );
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
    async ask(sample) {
      const daemons = await daemonsOf(sample);
      return Promise.all(
        daemons.map(async (daemon): Promise<DaemonAnswer> => {
          return { ...daemon, answer: await askDaemon(daemon) };
        }),
      );
    },
    ownPeers: () => clients.flatMap(({ client }) => client.ownPeers()),
    isSettled: () => clients.every(({ client }) => client.isSettled()),
    tcpConnections: () => tcpConnections,
    close() {
      for (const { client } of clients) {
        client.close();
      }
    },
  };
}

interface OpenClient {
  readonly address: string;
  readonly config: TlsConfig | null;
  readonly client: BuildsClient;
}

function noTlsFiles(cause: Error): BackendError {
  return askError('ERR_TLS_FILES', cause.message, cause);
}

/** Over a unix socket there is no TLS. */
export function unixFirst({ kind: one }: Endpoint, { kind: other }: Endpoint): number {
  return Number(other === 'unix') - Number(one === 'unix');
}
