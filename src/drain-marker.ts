import { createHash } from 'node:crypto';
import { socketNames } from './backends/addresses.ts';
import { fromNative, loadAddon } from './backends/native.ts';
import { unixListeners } from './backends/procfs/listeners.ts';
import { BackendError, type Endpoint } from './backends/types.ts';

/** Shows all processes of the network namespace that a drain is under way. */
export interface DrainMarker {
  /**
   * Publishes that these endpoints are being drained, besides those already published.
   * @returns why that failed, the first time it does; else null.
   */
  readonly publish: (endpoints: readonly Endpoint[]) => string | null;
  /** Withdraws everything that was published. */
  readonly close: () => void;
}

const prefix = 'buildkit-drain/drain';

// A path may be as long as a whole socket name.
const digestCharacters = 16;

/**
 * Creates a drain marker. It is made of listening abstract unix sockets, whose names anybody can read
 * in /proc/net/unix. They accept nothing, and the kernel removes them when the process ends.
 */
export function createDrainMarker(): DrainMarker {
  const listeners = new Map<string, number>();
  let hasFailed = false;

  const listen = (name: string): void => {
    // Containers of one pod may each run a drain, in processes that have the same pid.
    const unique = `${name}${Math.random().toString(36).slice(2, 10)}`;
    listeners.set(name, loadAddon().listenAbstract(Buffer.from(unique)));
  };

  return {
    publish(endpoints) {
      const names = new Set(endpoints.flatMap(markerNames));
      try {
        for (const name of names) {
          if (!listeners.has(name)) {
            listen(name);
          }
        }
        return null;
      } catch (error) {
        const isNew = !hasFailed;
        hasFailed = true;
        return isNew ? reasonOf(error) : null;
      }
    },
    close() {
      for (const listener of listeners.values()) {
        loadAddon().closeAbstract(listener);
      }
      listeners.clear();
    },
  };
}

/**
 * The names of the markers of all drains of these endpoints in this process's network namespace.
 *
 * @throws BackendError when the table of unix sockets can't be read.
 */
export function findDrainMarkers(procRoot: string, endpoints: readonly Endpoint[]): string[] {
  const prefixes = endpoints.flatMap(markerNames).map((name) => `@${name}`);
  return unixListeners(`${procRoot}/net`)
    .map(({ name }) => name)
    .filter((name) => prefixes.some((each) => name.startsWith(each)));
}

/**
 * What the names of an endpoint's markers begin with: its port, or a digest of its path. A path that
 * can be written in two ways has two.
 */
function markerNames(endpoint: Endpoint): string[] {
  return endpoint.kind === 'tcp'
    ? [`${prefix}/tcp/${endpoint.localPort}/`]
    : socketNames(endpoint.path).map((name) => `${prefix}/unix/${digest(name)}/`);
}

function digest(name: string): string {
  return createHash('sha256').update(name).digest('hex').slice(0, digestCharacters);
}

function reasonOf(error: unknown): string {
  const { code, operation, message } = error instanceof BackendError ? error : fromNative(error);
  return code.startsWith('ERR_') ? message : `${operation} failed with ${code}`;
}
