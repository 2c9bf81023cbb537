import { type BuildsClient, createBuildsClient } from '../builds/client.ts';
import type { BuildsAnswer, BuildsSource, TlsConfig } from '../builds/types.ts';
import { type Endpoint, InspectError, type Sample } from '../inspect/types.ts';

/** Asks the daemons behind a sample. */
export interface DaemonBuilds extends BuildsSource {
  readonly close: () => void;
}

/**
 * Makes the way to ask which builds run: at each endpoint where something was seen to listen. Several
 * may be several daemons, so that none of them stands for another.
 */
export function openBuilds(tls: TlsConfig | null): DaemonBuilds {
  const clients = new Map<string, BuildsClient>();

  const clientAt = (endpoint: Endpoint): BuildsClient => {
    const client = clients.get(endpoint.address) ?? createBuildsClient({ endpoint, tls });
    clients.set(endpoint.address, client);
    return client;
  };

  return {
    async ask(sample) {
      const asked = listeningEndpoints(sample).map((endpoint) => clientAt(endpoint).ask());
      return combine(await Promise.all(asked));
    },
    ownPeers: () => [...clients.values()].flatMap((client) => client.ownPeers()),
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
    return { kind: 'unknown', error: notListening() };
  }
  // One daemon that listens twice says everything twice.
  return {
    kind: 'known',
    builds: [...new Map(builds.map((build) => [build.ref, build])).values()],
  };
}

function listeningEndpoints({ looks }: Sample): Endpoint[] {
  return looks.flatMap((look) =>
    look.kind === 'seen' && look.sight.listenerInodes.length > 0 ? [look.endpoint] : [],
  );
}

function notListening(): InspectError {
  return new InspectError(
    'ERR_NO_LISTENER',
    'ask which builds run',
    'no endpoint was seen to listen',
  );
}
