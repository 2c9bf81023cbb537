import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type HelperOptions, type HelperProcess, startHelper } from '../runner/helper-process.ts';
import type { ClientRecord, LoadCommand, LoadTarget } from './load.ts';
import type { Listening, ServerCommand, ServerRecord } from './server.ts';
import { createRandom, exponential } from './workload.ts';

/** The processes that make the connections: the daemon, its clients, and the background. */
export interface WorkloadProcesses {
  readonly target: LoadTarget;
  readonly hasIpv6: boolean;
  readonly connect: (command: Omit<LoadCommand, 'target'>) => Promise<readonly ClientRecord[]>;
  readonly setBackground: (perSecond: number, seed: number) => Promise<void>;
  /** The records of the daemon. */
  readonly accepted: () => Promise<readonly ServerRecord[]>;
  /** Of all these processes. */
  readonly pids: readonly number[];
  readonly close: () => Promise<void>;
}

export async function startWorkload(options: HelperOptions): Promise<WorkloadProcesses> {
  const folder = mkdtempSync(join(tmpdir(), 'buildkit-drain-bench-'));
  // The netstat pipeline searches for this name.
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
      connect: (command) => load.call({ ...command, target }),
      async setBackground(perSecond, seed) {
        await background.call({ perSecond, daemonPort: listening.otherPort, seed });
      },
      accepted: async () => (await server.call({ do: 'report' })) as readonly ServerRecord[],
      pids: processes.map(({ pid }) => pid),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

export interface BackgroundCommand {
  /** 0 ends it. */
  readonly perSecond: number;
  /** A port of the daemon that no detector watches. */
  readonly daemonPort: number;
  readonly seed: number;
}

const meanLifetimeMs = 50;

/** The process that connects to other ports: one of the daemon, and one of its own. */
export function createBackground(): (command: BackgroundCommand) => Promise<null> {
  const server = createServer((socket) => socket.resume().on('error', () => {}));
  const listening = once(server.listen(0, '127.0.0.1'), 'listening');
  let stop = new AbortController();
  return async ({ perSecond, daemonPort, seed }) => {
    stop.abort();
    stop = new AbortController();
    await listening;
    if (perSecond > 0) {
      const ownPort = (server.address() as AddressInfo).port;
      void churn(perSecond, [daemonPort, ownPort], seed, stop.signal);
    }
    return null;
  };
}

async function churn(
  perSecond: number,
  ports: readonly number[],
  seed: number,
  signal: AbortSignal,
): Promise<void> {
  const random = createRandom(seed);
  for (let made = 0; !signal.aborted; made += 1) {
    const socket = connect(ports[made % ports.length] ?? 0, '127.0.0.1');
    socket.resume().on('error', () => {});
    setTimeout(() => socket.destroy(), exponential(random, meanLifetimeMs));
    await delay(exponential(random, 1000 / perSecond), undefined, { signal }).catch(() => {});
  }
}
