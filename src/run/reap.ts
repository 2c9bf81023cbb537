import { loadAddon } from '../backends/native.ts';

/**
 * Makes the function that reaps the orphans which process 1 has inherited, to be called at each
 * SIGCHLD. libuv reaps none but what it has started.
 *
 * @param own the pid of who was started by this process.
 * @throws BackendError where the addon can't be loaded.
 */
export function createReaper(own: number): () => void {
  const { reapOrphans } = loadAddon();
  return () => {
    reapOrphans(own);
  };
}
