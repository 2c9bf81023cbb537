import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { createRandom, exponential } from './random.ts';

export interface BackgroundCommand {
  /** 0 ends it. */
  readonly perSecond: number;
  /** A port of the daemon that nobody watches. */
  readonly daemonPort: number;
  readonly seed: number;
}

const meanLifetimeMs = 50;

/** The process that connects to other ports, of the daemon and of its own. */
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
