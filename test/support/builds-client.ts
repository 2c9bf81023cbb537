import { fileURLToPath } from 'node:url';
import type { BackendName, EndpointSnapshot } from '../../src/backends/types.ts';
import type { BuildsClientOptions } from '../../src/builds/client.ts';
import type { Build } from '../../src/builds/types.ts';
import { commanded } from './commanded.ts';
import type { Sandbox, SandboxProcess } from './sandbox.ts';

const program = fileURLToPath(new URL('builds-client.mjs', import.meta.url));

/** A `BuildsAnswer` as it comes from another process. */
type PlainAnswer =
  | { readonly kind: 'known'; readonly builds: readonly Build[] }
  | {
      readonly kind: 'unknown';
      readonly code: string;
      readonly operation: string;
      readonly message: string;
    };

/** A process of builds-client.mjs, which describes each command. */
export interface BuildsClientProcess {
  readonly process: SandboxProcess;
  readonly open: (
    address: string,
    options?: Omit<BuildsClientOptions, 'endpoint'>,
  ) => Promise<void>;
  readonly ask: (how?: { readonly namesBuilds: boolean }) => Promise<PlainAnswer>;
  readonly begin: () => Promise<void>;
  readonly answer: () => Promise<PlainAnswer>;
  readonly own: () => Promise<{ readonly peers: readonly string[]; readonly isSettled: boolean }>;
  readonly poll: (by: BackendName, address: string) => Promise<EndpointSnapshot>;
  readonly close: () => Promise<void>;
  /** How many it has open. */
  readonly descriptors: () => Promise<number>;
  readonly hasHttp2: () => Promise<boolean>;
}

export async function startBuildsClient(sandbox: Sandbox): Promise<BuildsClientProcess> {
  const started = await sandbox.start([process.execPath, program]);
  const call = await commanded(started);
  return {
    process: started,
    open: (address, options) => call({ do: 'open', address, ...options }),
    ask: (how = { namesBuilds: false }) => call({ do: 'ask', ...how }),
    begin: () => call({ do: 'begin' }),
    answer: () => call({ do: 'answer' }),
    own: () => call({ do: 'own' }),
    poll: (by, address) => call({ do: 'poll', by, address }),
    close: () => call({ do: 'close' }),
    descriptors: () => call({ do: 'descriptors' }),
    hasHttp2: () => call({ do: 'hasHttp2' }),
  };
}
