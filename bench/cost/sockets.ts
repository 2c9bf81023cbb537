import { type HelperOptions, type HelperProcess, startHelper } from '../runner/helper-process.ts';
import { openFilesLimit } from '../runner/proc.ts';
import type { Ending, HolderCommand, HolderRole } from './holders.ts';

/** The processes that hold the sockets: a daemon, its clients, and the unrelated pairs. */
export interface Sockets {
  /** Where the daemon listens. */
  readonly port: number;
  /** @throws if there cannot be this many. */
  readonly setPairs: (count: number) => Promise<void>;
  /** Returns the time at which the last surplus client was closed. @throws as above. */
  readonly setClients: (count: number, how?: HowClients) => Promise<number>;
  readonly close: () => Promise<void>;
}

interface HowClients {
  readonly ending?: Ending;
  readonly hasTraffic?: boolean;
}

type HolderProcess = HelperProcess<HolderCommand, number>;

/** A daemon's process, and the one of its clients. */
interface Daemon {
  readonly process: HolderProcess;
  readonly clients: HolderProcess;
  readonly host: string;
}

// In addition to its sockets, a process of Node.js has some twenty files open.
const otherFiles = 64;
// One address and port allows some 28,000 connections from one address.
const mostClientsEach = 20_000;
const mostDaemons = 4;
const mostPairsEach = 10_000;
const mostPairHolders = 16;

/** How many sockets one process may hold. */
function socketsLimit(): number {
  return openFilesLimit() - otherFiles;
}

export async function openSockets(options: HelperOptions): Promise<Sockets> {
  const filesLimit = socketsLimit();
  const clientsEach = Math.min(mostClientsEach, filesLimit);
  const pairsEach = Math.min(mostPairsEach, Math.floor(filesLimit / 2));
  const daemons: Daemon[] = [];
  const pairHolders: HolderProcess[] = [];
  const close = async (): Promise<void> => {
    const processes = daemons.flatMap(({ process, clients }) => [process, clients]);
    await Promise.all([...processes, ...pairHolders].map((each) => each.close()));
  };
  /** Further daemons listen on the same port of other addresses. */
  const addDaemon = async (port: number): Promise<number> => {
    const host = `127.0.0.${daemons.length + 1}`;
    // The netstat pipeline searches for this name.
    const process = start('daemon', options, 'buildkitd');
    try {
      const chosen = await process.call(commandOf(0, { host, port }));
      daemons.push({ process, clients: start('clients', options), host });
      return chosen;
    } catch (error) {
      await process.close();
      throw error;
    }
  };
  const port = await addDaemon(0);

  return {
    port,
    async setPairs(count) {
      const holders = Math.ceil(count / pairsEach);
      if (holders > mostPairHolders) {
        const most = mostPairHolders * pairsEach;
        throw new Error(`at most ${most} pairs, with ${filesLimit} open files per process`);
      }
      while (pairHolders.length < holders) {
        pairHolders.push(start('pairs', options));
      }
      for (const [index, holder] of pairHolders.entries()) {
        const own = shareOf(count, index, pairsEach);
        await holder.call(commandOf(own, { host: '127.0.0.1', port: 0 }));
      }
    },
    async setClients(count, how = {}) {
      const needed = Math.ceil(count / clientsEach);
      if (needed > mostDaemons) {
        const most = mostDaemons * clientsEach;
        throw new Error(`at most ${most} clients, with ${filesLimit} open files per process`);
      }
      while (daemons.length < needed) {
        await addDaemon(port);
      }
      let endedMs = 0;
      for (const [index, { process, clients, host }] of daemons.entries()) {
        const command = commandOf(shareOf(count, index, clientsEach), { host, port }, how);
        endedMs = Math.max(endedMs, await clients.call(command));
        await process.call(command);
      }
      return endedMs;
    },
    close,
  };
}

/** What the process of this index holds, where each one before holds as many as it may. */
function shareOf(count: number, index: number, most: number): number {
  return Math.max(0, Math.min(most, count - index * most));
}

/** Clients of a daemon that listens at this path, until they are closed. @throws if there cannot be this many. */
export async function openUnixClients(
  options: HelperOptions,
  path: string,
  count: number,
): Promise<{ readonly close: () => Promise<void> }> {
  if (count > socketsLimit()) {
    throw new Error(`at most ${socketsLimit()} unix clients: the limit of open files`);
  }
  const daemon = start('daemon', options, 'buildkitd');
  const clients = start('clients', options);
  const close = async (): Promise<void> => {
    await Promise.all([daemon.close(), clients.close()]);
  };
  try {
    await daemon.call(commandOf(0, { path }));
    await clients.call(commandOf(count, { path }));
    await daemon.call(commandOf(count, { path }));
    return { close };
  } catch (error) {
    await close();
    throw error;
  }
}

function commandOf(
  count: number,
  at: HolderCommand['at'],
  { ending = 'reset', hasTraffic = false }: HowClients = {},
): HolderCommand {
  return { count, at, ending, hasTraffic };
}

function start(role: HolderRole, options: HelperOptions, name?: string): HolderProcess {
  return startHelper(role, options, name);
}
