import { existsSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { commanded } from './commanded.ts';
import type { Place, Resident } from './place.ts';

const program = fileURLToPath(new URL('actor.mjs', import.meta.url));

export interface Client {
  readonly id: number;
  /** As an inspector names a peer: `127.0.0.1:43210`, or `socket:[4711]` of a unix client. */
  readonly name: string;
}

/** A process of actor.mjs: see there what each command does. */
export interface Actor {
  readonly process: Resident;
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
}

/** A process called buildkitd that listens where it is told to. */
export function startDaemon(place: Place, namespaces?: StartNamespaces): Promise<Actor> {
  return startActor(place, 'buildkitd', namespaces);
}

/** A process whose connections are a daemon's clients. */
export function startClients(place: Place): Promise<Actor> {
  return startActor(place, 'buildctl');
}

type StartNamespaces = NonNullable<Parameters<Place['start']>[1]>['namespaces'];

async function startActor(
  place: Place,
  name: string,
  namespaces?: StartNamespaces,
): Promise<Actor> {
  const node = nodeCalled(place, name);
  const started = await place.start([node, program], namespaces ? { namespaces } : {});
  const call = await commanded(started);
  const ids = (clients: readonly Client[]): number[] => clients.map(({ id }) => id);
  return {
    process: started,
    listen: (address, options) => call({ do: 'listen', address, ...options }),
    unlisten: (address) => call({ do: 'unlisten', address }),
    connect: (to, count = 1, from) => call({ do: 'connect', to, count, from }),
    connectMutely: (to) => call({ do: 'connect', to, count: 1, isMute: true }),
    say: (clients, text) => call({ do: 'say', ids: ids(clients), text }),
    accepted: () => call({ do: 'accepted' }),
    dismiss: () => call({ do: 'dismiss' }),
    finish: (clients) => call({ do: 'finish', ids: ids(clients) }),
    leave: (clients) => call({ do: 'leave', ids: ids(clients) }),
  };
}

/** Node.js under another name: what a process of it is called. */
export function nodeCalled(place: Place, name: string): string {
  const node = join(place.directory, name);
  if (!existsSync(node)) {
    symlinkSync(process.execPath, node);
  }
  return node;
}
