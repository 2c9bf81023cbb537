import { closeSync } from 'node:fs';
import { fromNative, loadAddon } from '../backends/native.ts';
import { BackendError, type Endpoint } from '../backends/types.ts';
import { markFolders } from './names.ts';

/** What a drain under way shows to all processes of its network namespace. */
export interface Mark {
  /**
   * Shows that these endpoints are drained, beside those that are shown already.
   * @returns why that can't be shown, the first time that it can't; else null.
   */
  readonly cover: (endpoints: readonly Endpoint[]) => string | null;
  /** Shows nothing any more. */
  readonly close: () => void;
}

/**
 * Makes a mark, which shows nothing yet: abstract unix sockets that listen, whose names can be read
 * in /proc/net/unix. They take nobody, and vanish with the process at the latest.
 */
export function createMark(): Mark {
  const listeners = new Map<string, number>();
  let hasFailed = false;

  const listen = (folder: string): void => {
    // Several waits may be under way at once, in containers that each have a process of the same pid.
    const name = `${folder}${Math.random().toString(36).slice(2, 10)}`;
    listeners.set(folder, loadAddon().listenAbstract(Buffer.from(name)));
  };

  return {
    cover(endpoints) {
      const folders = new Set(endpoints.flatMap(markFolders));
      try {
        for (const folder of folders) {
          if (!listeners.has(folder)) {
            listen(folder);
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
        closeSync(listener);
      }
      listeners.clear();
    },
  };
}

function reasonOf(error: unknown): string {
  const { code, operation, message } = error instanceof BackendError ? error : fromNative(error);
  return code.startsWith('ERR_') ? message : `${operation} failed with ${code}`;
}
