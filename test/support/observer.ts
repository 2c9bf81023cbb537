import { fileURLToPath } from 'node:url';
import type { BackendName, EndpointSnapshot, Traffic } from '../../src/backends/types.ts';
import { commanded } from './commanded.ts';
import type { Sandbox } from './sandbox.ts';

const program = fileURLToPath(new URL('observer.mjs', import.meta.url));

interface Observed extends EndpointSnapshot {
  readonly name: BackendName;
  readonly traffic: readonly (Traffic | null)[];
  /** Whether the revision is that of the poll before. */
  readonly isUnchanged: boolean;
}

/** Polls once with one backend, from within a sandbox. */
export type Observe = (
  by: BackendName,
  address: string,
  netDirectory?: string,
) => Promise<Observed>;

export interface ObserverOptions {
  readonly namespaces?: readonly ('net' | 'pid' | 'mount')[];
  /** A command that runs the observer. */
  readonly through?: readonly string[];
}

export async function startObserver(
  sandbox: Sandbox,
  { through = [], ...options }: ObserverOptions = {},
): Promise<Observe> {
  const started = await sandbox.start([...through, process.execPath, program], options);
  const call = await commanded(started);
  return (by, address, netDirectory = '/proc/net') =>
    call({ do: 'poll', by, address, netDirectory });
}
