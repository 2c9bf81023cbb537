import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type HelperOptions, type HelperProcess, startHelper } from '../helper-process.ts';
import type { BackgroundCommand } from './background.ts';
import type { ClientRecord, LoadCommand, Target } from './load.ts';
import type { Listening, ServerCommand, ServerRecord } from './server.ts';

/** The processes that make the connections, each one with its part. */
export interface Cast {
  readonly target: Target;
  readonly hasIpv6: boolean;
  readonly play: (command: Omit<LoadCommand, 'target'>) => Promise<readonly ClientRecord[]>;
  readonly setBackground: (perSecond: number, seed: number) => Promise<void>;
  /** What the daemon has recorded. */
  readonly accepted: () => Promise<readonly ServerRecord[]>;
  /** Of the process that plays the daemon, and of those that connect. */
  readonly pids: readonly number[];
  readonly close: () => Promise<void>;
}

export async function openCast(options: HelperOptions): Promise<Cast> {
  const folder = mkdtempSync(join(tmpdir(), 'buildkit-drain-bench-'));
  // The netstat pipeline looks for this name.
  const server = startHelper<ServerCommand, Listening | readonly ServerRecord[]>(
    'accuracy-server',
    options,
    'buildkitd',
  );
  const load = startHelper<LoadCommand, readonly ClientRecord[]>('accuracy-load', options);
  const background = startHelper<BackgroundCommand, null>('accuracy-background', options);
  const processes: HelperProcess<never, unknown>[] = [server, load, background];
  const close = async (): Promise<void> => {
    await Promise.all(processes.map((each) => each.close()));
    rmSync(folder, { recursive: true });
  };
  try {
    const path = join(folder, 'buildkitd.sock');
    const listening = (await server.call({ do: 'listen', path })) as Listening;
    const target = { port: listening.port, path };
    return {
      target,
      hasIpv6: listening.hasIpv6,
      play: (command) => load.call({ ...command, target }),
      async setBackground(perSecond, seed) {
        await background.call({ perSecond, daemonPort: listening.otherPort, seed });
      },
      accepted: async () => (await server.call({ do: 'tell' })) as readonly ServerRecord[],
      pids: processes.map(({ pid }) => pid),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
