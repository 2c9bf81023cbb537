import { unixListeners } from '../backends/procfs/listeners.ts';
import type { Endpoint } from '../backends/types.ts';
import { markFolders } from './names.ts';

/**
 * The names of the marks of drains that are under way of any of these endpoints, in this process's
 * network namespace.
 *
 * @throws BackendError when that can't be told.
 */
export function findMarks(procRoot: string, endpoints: readonly Endpoint[]): string[] {
  const folders = endpoints.flatMap(markFolders).map((folder) => `@${folder}`);
  return unixListeners(`${procRoot}/net`)
    .map(({ name }) => name)
    .filter((name) => folders.some((folder) => name.startsWith(folder)));
}
