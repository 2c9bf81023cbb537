import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { ConnectionsUpdate } from '../../src/library/connection-changes.ts';
import type { ConnectionsCount } from '../../src/library/count-connections.ts';
import { countConnections, watchConnections } from '../../src/library/functions.ts';
import type { Measured } from './rounds.ts';

/** Counts the established connections of a port once. */
type Count = () => Promise<number>;

/**
 * How programs in Node.js count the established connections of a port, those of this library first: the others are
 * compared with the first one.
 */
const counters = {
  watchConnections: openWatch,
  countConnections: openCount,
  ss: openSs,
  systeminformation: openSysteminformation,
  '/proc/net/tcp': openTables,
} satisfies Record<string, (localPort: number, intervalMs: number) => Count>;

export const counterNames = Object.keys(counters) as CounterName[];
type CounterName = keyof typeof counters;

/** Reads the latest update of a watch, which polls as often as this is asked. */
function openWatch(localPort: number, intervalMs: number): Count {
  const updates = watchConnections(addressOf(localPort), { intervalMs });
  let latest: Reading | undefined;
  const follow = async (): Promise<void> => {
    for await (const update of updates) {
      latest = update;
    }
  };
  const first = updates.next().then(({ value }) => {
    latest = value;
    void follow();
  });
  return async () => {
    await first;
    return knownCount(latest);
  };
}

function openCount(localPort: number): Count {
  return async () => knownCount(countConnections(addressOf(localPort)));
}

type Reading = ConnectionsCount | ConnectionsUpdate;

function knownCount(reading: Reading | undefined): number {
  if (reading === undefined || 'error' in reading) {
    throw reading?.error ?? new Error('the watch has ended');
  }
  return reading.connections.length;
}

function addressOf(localPort: number): string {
  return `tcp://127.0.0.1:${localPort}`;
}

function openSs(localPort: number): Count {
  const run = promisify(execFile);
  const args = ['-tnH', 'state', 'established', 'sport', '=', `:${localPort}`];
  return async () => (await run('ss', args)).stdout.split('\n').length - 1;
}

interface SystemConnection {
  readonly localPort: string;
  readonly state: string;
}

function openSysteminformation(localPort: number): Count {
  // It is none of this package's dependencies: a clone has it, and an installation may.
  const { networkConnections } = createRequire(import.meta.url)('systeminformation') as {
    networkConnections: () => Promise<SystemConnection[]>;
  };
  const isMeant = (each: SystemConnection): boolean =>
    each.state === 'ESTABLISHED' && each.localPort === String(localPort);
  return async () => (await networkConnections()).filter(isMeant).length;
}

const establishedCode = '01';

function openTables(localPort: number): Count {
  const port = `:${localPort.toString(16).toUpperCase().padStart(4, '0')}`;
  const isMeant = (line: string): boolean => {
    const [, local, , state] = line.trim().split(/\s+/, 4);
    return state === establishedCode && local?.endsWith(port) === true;
  };
  return async () => {
    const tables = ['/proc/net/tcp', '/proc/net/tcp6'].map((path) => readFile(path, 'latin1'));
    const lines = (await Promise.all(tables)).flatMap((table) => table.split('\n'));
    return lines.filter(isMeant).length;
  };
}

/** Asks a process that counts for a round. */
export interface CounterCommand {
  readonly name: CounterName;
  readonly localPort: number;
  readonly counts: number;
  readonly intervalMs: number;
}

/** Of one count. */
export interface CounterAnswer extends Measured {
  readonly seen: number;
}

interface Clocks {
  readonly nowMs: () => number;
  /** User and system time of all threads of this process, in microseconds. */
  readonly cpuUs: () => number;
  readonly childrenCpuMs: () => number;
}

/** The program of a process that counts in one of these ways, and measures itself. */
export function createCounter({
  nowMs,
  cpuUs,
  childrenCpuMs,
}: Clocks): (command: CounterCommand) => Promise<CounterAnswer> {
  let count: Count | null = null;
  const totalUs = (): number => cpuUs() + childrenCpuMs() * 1000;
  return async ({ name, localPort, counts, intervalMs }) => {
    count ??= openInstalled(name, localPort, intervalMs);
    let seen = 0;
    let wallMs = 0;
    const cpuFromUs = totalUs();
    for (let done = 0; done < counts; done += 1) {
      const fromMs = nowMs();
      seen = await count().catch(orNotInstalled);
      const tookMs = nowMs() - fromMs;
      wallMs += tookMs;
      await delay(Math.max(0, intervalMs - tookMs));
    }
    return { seen, cpuUs: (totalUs() - cpuFromUs) / counts, wallUs: (wallMs * 1000) / counts };
  };
}

function openInstalled(name: CounterName, localPort: number, intervalMs: number): Count {
  try {
    return counters[name](localPort, intervalMs);
  } catch (error) {
    return orNotInstalled(error);
  }
}

function orNotInstalled(error: unknown): never {
  const { code } = error as NodeJS.ErrnoException;
  throw code === 'ENOENT' || code === 'MODULE_NOT_FOUND' ? new Error('not installed') : error;
}
