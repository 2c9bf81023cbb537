import { existsSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { commanded } from './commanded.ts';
import type { Sandbox, SandboxProcess } from './sandbox.ts';

const program = fileURLToPath(new URL('peer-process.mjs', import.meta.url));

export interface Client {
  readonly id: number;
  /** As a backend names a peer: `127.0.0.1:43210`, or `socket:[4711]` of a unix client. */
  readonly name: string;
}

/** A process of peer-process.mjs, which describes each command. */
export interface PeerProcess {
  readonly process: SandboxProcess;
  /** Returns the address with its port, port 0 being any that is free. */
  readonly listen: (
    address: string,
    options?: { readonly keepsHalfOpen?: boolean; readonly backlog?: number },
  ) => Promise<{ readonly address: string; readonly inode: number }>;
  readonly unlisten: (address: string) => Promise<void>;
  readonly connect: (to: string, count?: number, from?: string) => Promise<readonly Client[]>;
  /** Connects, and sends nothing. */
  readonly connectMutely: (to: string) => Promise<readonly Client[]>;
  readonly say: (clients: readonly Client[], text: string) => Promise<void>;
  readonly accepted: () => Promise<readonly { peer: string | null; inode: number }[]>;
  readonly dismiss: () => Promise<void>;
  readonly finish: (clients: readonly Client[]) => Promise<void>;
  readonly leave: (clients: readonly Client[]) => Promise<void>;
  /** Kills it, as a node does that has no memory left, and waits for its end. */
  readonly kill: () => Promise<void>;
}

export interface PeerOptions {
  readonly namespaces?: NonNullable<Parameters<Sandbox['start']>[1]>['namespaces'];
  /** What stands on its command line beside. */
  readonly args?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** What its program is called. */
  readonly name?: string;
  /** A command that starts it. */
  readonly through?: readonly string[];
}

/** A process called buildkitd that listens as commanded. */
export function startDaemon(sandbox: Sandbox, options: PeerOptions = {}): Promise<PeerProcess> {
  return startPeerProcess(sandbox, { name: 'buildkitd', ...options });
}

/** A process with connections that are a daemon's clients. */
export function startClients(sandbox: Sandbox, options: PeerOptions = {}): Promise<PeerProcess> {
  return startPeerProcess(sandbox, { name: 'buildctl', ...options });
}

async function startPeerProcess(
  sandbox: Sandbox,
  { name, namespaces, args = [], env = {}, through = [] }: PeerOptions & { name: string },
): Promise<PeerProcess> {
  const node = nodeCalled(sandbox, name);
  const started = await sandbox.start([...through, node, program, ...args], {
    env,
    ...(namespaces && { namespaces }),
  });
  const call = await commanded(started);
  const ids = (clients: readonly Client[]): number[] => clients.map(({ id }) => id);
  return {
    process: started,
    listen: (address, options) => call({ do: 'listen', address, ...options }),
    unlisten: (address) => call({ do: 'unlisten', address }),
    connect: (to, count = 1, from) => call({ do: 'connect', to, count, from }),
    connectMutely: (to) => call({ do: 'connect', to, count: 1, hasSentNothing: true }),
    say: (clients, text) => call({ do: 'say', ids: ids(clients), text }),
    accepted: () => call({ do: 'accepted' }),
    dismiss: () => call({ do: 'dismiss' }),
    finish: (clients) => call({ do: 'finish', ids: ids(clients) }),
    leave: (clients) => call({ do: 'leave', ids: ids(clients) }),
    async kill() {
      await started.signal('SIGKILL');
      await started.ended;
    },
  };
}

/** Node.js under another name: what a process of it is called. */
export function nodeCalled(sandbox: Sandbox, name: string): string {
  const node = join(sandbox.directory, name);
  if (!existsSync(node)) {
    symlinkSync(process.execPath, node);
  }
  return node;
}
