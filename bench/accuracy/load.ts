import { fstatSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import type { SocketFamily } from './types.ts';
import type { Arrival } from './workload.ts';

/** Where the daemon listens. */
export interface LoadTarget {
  readonly port: number;
  readonly path: string;
}

export interface LoadCommand {
  readonly target: LoadTarget;
  readonly arrivals: readonly Arrival[];
  /** When the phase begins, on the clock that all processes share. */
  readonly fromMs: number;
}

/** A connection as the client recorded it. */
export interface ClientRecord {
  readonly id: number;
  readonly family: SocketFamily;
  /** Its port, or the inode of its socket. */
  readonly name: number;
  /** Before the call that opens it, and when the event loop reported it open. */
  readonly openFromMs: number;
  readonly openToMs: number;
  /** Before and after the call that closes it. */
  readonly closeFromMs: number;
  readonly closeToMs: number;
  readonly error: string | null;
}

const hosts = { tcp4: '127.0.0.1', tcp6: '::1' } as const;

/** The process that opens and closes connections, one phase for each command. */
export function createLoad(
  nowMs: () => number,
): (command: LoadCommand) => Promise<readonly ClientRecord[]> {
  return async ({ target, arrivals, fromMs }) => {
    const scheduler = createScheduler(nowMs);
    const records = arrivals.map(
      (arrival) =>
        new Promise<ClientRecord>((resolve) => {
          scheduler.at(fromMs + arrival.atMs, () => {
            const client = open(arrival, target, nowMs, resolve);
            scheduler.at(client.openFromMs + arrival.lifetimeMs, client.close);
          });
        }),
    );
    await scheduler.run();
    return await Promise.all(records);
  };
}

function open(
  { id, family }: Arrival,
  { port, path }: LoadTarget,
  nowMs: () => number,
  done: (record: ClientRecord) => void,
): { readonly openFromMs: number; readonly close: () => void } {
  const openFromMs = nowMs();
  const socket = family === 'unix' ? connect(path) : connect(port, hosts[family]);
  const record = { id, family, name: 0, openFromMs, openToMs: 0, closeFromMs: 0, closeToMs: 0 };
  let mayClose = false;
  const close = (): void => {
    mayClose = true;
    if (record.openToMs === 0 || socket.destroyed) {
      return;
    }
    record.closeFromMs = nowMs();
    socket.destroy();
    record.closeToMs = nowMs();
    done({ ...record, error: null });
  };
  socket.once('connect', () => {
    record.openToMs = nowMs();
    record.name = nameOf(socket, family);
    const greeting = Buffer.alloc(4);
    greeting.writeUInt32LE(id);
    socket.write(greeting);
    if (mayClose) {
      close();
    }
  });
  socket.on('error', (error) => done({ ...record, error: error.message }));
  return { openFromMs, close };
}

function nameOf(socket: Socket, family: SocketFamily): number {
  return family === 'unix' ? inodeOf(socket) : (socket.localPort ?? 0);
}

/** The number that identifies a unix socket in the kernel's tables. */
export function inodeOf(socket: Socket): number {
  const { _handle: handle } = socket as unknown as { readonly _handle: { readonly fd: number } };
  return fstatSync(handle.fd).ino;
}

/** A task and its time. */
interface Due {
  readonly atMs: number;
  readonly act: () => void;
}

interface Scheduler {
  readonly at: (atMs: number, act: () => void) => void;
  /** Runs tasks as they fall due, until none is left. */
  readonly run: () => Promise<void>;
}

// Node's timers count whole milliseconds, so the last part of a delay is spent turning the event loop.
const turningMs = 1.6;

/** Runs tasks on time to within some hundredths of a millisecond. */
function createScheduler(nowMs: () => number): Scheduler {
  const queue: Due[] = [];
  return {
    at(atMs, act) {
      let index = queue.length;
      while (index > 0 && (queue[index - 1]?.atMs ?? 0) > atMs) {
        index -= 1;
      }
      queue.splice(index, 0, { atMs, act });
    },
    async run() {
      for (let next = queue[0]; next !== undefined; next = queue[0]) {
        const leftMs = next.atMs - nowMs();
        if (leftMs <= 0) {
          queue.shift();
          next.act();
        } else if (leftMs > turningMs + 1) {
          await delay(Math.floor(leftMs - turningMs));
        } else {
          await turn();
        }
      }
    },
  };
}
