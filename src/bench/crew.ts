import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
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

export interface CrewOptions {
  readonly node: string;
  readonly helper: string;
  readonly env: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

// Beside its sockets, a process of Node.js has some twenty files open.
const otherFiles = 64;
// One listener's port gives room for some 28,000 connections from one address.
const mostPairsEach = 10_000;
const mostPairHolders = 16;

export async function openCrew(options: CrewOptions): Promise<Crew> {
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

interface HolderProcess {
  readonly call: (command: HolderCommand) => Promise<number>;
  readonly close: () => Promise<void>;
}

function start(role: HolderRole, options: CrewOptions, name = 'node'): HolderProcess {
  const child = spawn(options.node, [options.helper, role], {
    argv0: name,
    env: options.env,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const ended = once(child, 'exit').then(() => {});
  // Handled here for those times when no call waits for it.
  ended.catch(() => {});
  let calls = 0;
  return {
    call(command) {
      calls += 1;
      return answerOf(child, calls, command, options.signal);
    },
    async close() {
      child.kill('SIGKILL');
      await ended.catch(() => {});
    },
  };
}

function answerOf(
  child: ChildProcess,
  id: number,
  command: HolderCommand,
  signal: AbortSignal,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => (): void => {
      child.off('message', onMessage);
      child.off('exit', onExit);
      child.off('error', reject);
      signal.removeEventListener('abort', onAbort);
      act();
    };
    const onMessage = (answer: { id: number; value?: number; error?: string }): void => {
      if (answer.id === id) {
        const { value, error } = answer;
        settle(() => (value === undefined ? reject(new Error(error)) : resolve(value)))();
      }
    };
    const onExit = settle(() => reject(new Error('the process that holds the sockets has ended')));
    const onAbort = settle(() => reject(signal.reason));
    child.on('message', onMessage);
    child.once('exit', onExit);
    child.once('error', reject);
    signal.addEventListener('abort', onAbort);
    signal.throwIfAborted();
    child.send({ id, command });
  });
}
