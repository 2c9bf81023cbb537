import { type BuildsClient, createBuildsClient } from '../builds/client.ts';
import type { BuildsAnswer, BuildsSource, TlsConfig } from '../builds/types.ts';
import { type Endpoint, InspectError, type Sample } from '../inspect/types.ts';

/** Asks the daemons behind a sample. */
export interface DaemonBuilds extends BuildsSource {
  /** How many TCP connections asking may have made. */
  readonly tcpConnections: () => number;
  /** What each daemon says by itself. */
  readonly askEach: (sample: Sample) => Promise<readonly DaemonAnswer[]>;
  readonly close: () => void;
}

interface DaemonAnswer {
  /** Where the daemon can be asked. */
  readonly endpoints: readonly Endpoint[];
  readonly answer: BuildsAnswer;
}

/**
 * Makes the way to ask which builds run.
 *
 * @param daemonsOf the endpoints at which to ask, those of each daemon together: one answer is enough
 * of a daemon, and none stands for another.
 */
export function openBuilds(
  daemonsOf: (sample: Sample) => readonly (readonly Endpoint[])[],
  tls: TlsConfig | null,
): DaemonBuilds {
  const clients = new Map<string, BuildsClient>();
  let tcpConnections = 0;

  const clientAt = (endpoint: Endpoint): BuildsClient => {
    const client = clients.get(endpoint.address) ?? createBuildsClient({ endpoint, tls });
    clients.set(endpoint.address, client);
    return client;
  };

  // Over a unix socket there is no TLS.
  const askDaemon = async (endpoints: readonly Endpoint[]): Promise<BuildsAnswer> => {
    let answer: BuildsAnswer = { kind: 'unknown', error: nowhereToAsk() };
    for (const endpoint of endpoints.toSorted(unixFirst)) {
      tcpConnections += endpoint.kind === 'tcp' ? 1 : 0;
      answer = await clientAt(endpoint).ask();
      if (answer.kind === 'known') {
        break;
      }
    }
    return answer;
  };

  const askEach = (sample: Sample): Promise<DaemonAnswer[]> =>
    Promise.all(
      daemonsOf(sample).map(async (endpoints) => {
        return { endpoints, answer: await askDaemon(endpoints) };
      }),
    );

  return {
    askEach,
    ask: async (sample) => combine((await askEach(sample)).map(({ answer }) => answer)),
    ownPeers: () => [...clients.values()].flatMap((client) => client.ownPeers()),
    tcpConnections: () => tcpConnections,
    close() {
      for (const client of clients.values()) {
        client.close();
      }
    },
  };
}

/** What several answers come to: some builds are some, and no build is none only if all say so. */
function combine(answers: readonly BuildsAnswer[]): BuildsAnswer {
  const builds = answers.flatMap((answer) => (answer.kind === 'known' ? answer.builds : []));
  const unknown = answers.find((answer) => answer.kind === 'unknown');
  if (builds.length === 0 && unknown !== undefined) {
    return unknown;
  }
  if (answers.length === 0) {
    return { kind: 'unknown', error: nowhereToAsk() };
  }
  // A daemon that listens twice, and is not known to be one, says everything twice.
  return {
    kind: 'known',
    builds: [...new Map(builds.map((build) => [build.ref, build])).values()],
  };
}

function unixFirst({ kind: one }: Endpoint, { kind: other }: Endpoint): number {
  return Number(other === 'unix') - Number(one === 'unix');
}

function nowhereToAsk(): InspectError {
  return new InspectError(
    'ERR_NO_LISTENER',
    'ask which builds run',
    'no endpoint was seen to listen where it can be asked',
  );
}
