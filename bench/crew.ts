import { type HelperOptions, type HelperProcess, startHelper } from './helper-process.ts';
import type { Ending, HolderCommand, HolderRole } from './holders.ts';
import { openFilesLimit } from './proc.ts';

/** The processes that hold the sockets: a daemon, its clients, and the unrelated pairs. */
export interface Crew {
  /** Where the daemon listens. */
  readonly port: number;
  /** @throws when so many can't be had. There are never fewer than before. */
  readonly setPairs: (count: number) => Promise<void>;
  /** Returns when the last client that had to go was ended. @throws when so many can't be had. */
  readonly setClients: (count: number, ending?: Ending) => Promise<number>;
  readonly close: () => Promise<void>;
}

type HolderProcess = HelperProcess<HolderCommand, number>;

// Beside its sockets, a process of Node.js has some twenty files open.
const otherFiles = 64;
// One listener's port gives room for some 28,000 connections from one address.
const mostPairsEach = 10_000;
const mostPairHolders = 16;

export async function openCrew(options: HelperOptions): Promise<Crew> {
  const filesLimit = openFilesLimit() - otherFiles;
  const pairsEach = Math.min(mostPairsEach, Math.floor(filesLimit / 2));
  // The netstat pipeline looks for this name.
  const daemon = start('daemon', options, 'buildkitd');
  const clients = start('clients', options);
  const pairHolders: HolderProcess[] = [];
  const command = { count: 0, port: 0, ending: 'reset' } as const;
  const close = async (): Promise<void> => {
    await Promise.all([daemon, clients, ...pairHolders].map((each) => each.close()));
  };
  const port = await daemon.call(command).catch(async (error) => {
    await close();
    throw error;
  });

  return {
    port,
    async setPairs(count) {
      const holders = Math.ceil(count / pairsEach);
      if (holders > mostPairHolders) {
        const most = mostPairHolders * pairsEach;
        throw new Error(`at most ${most} pairs, with ${filesLimit} open files to each process`);
      }
      for (let index = 0; index < holders; index += 1) {
        const holder = pairHolders[index] ?? start('pairs', options);
        pairHolders[index] = holder;
        await holder.call({ ...command, count: Math.min(pairsEach, count - index * pairsEach) });
      }
    },
    async setClients(count, ending = 'reset') {
      if (count > filesLimit) {
        throw new Error(`at most ${filesLimit} clients: so many files may be open`);
      }
      const endedAtMs = await clients.call({ count, port, ending });
      await daemon.call({ ...command, count });
      return endedAtMs;
    },
    close,
  };
}

function start(role: HolderRole, options: HelperOptions, name?: string): HolderProcess {
  return startHelper(role, options, name);
}
