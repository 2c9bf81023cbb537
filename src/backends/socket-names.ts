import { realpathSync } from 'node:fs';
import { basename, dirname } from 'node:path';

/**
 * The names that the kernel may know a socket's path by. It keeps the path as the daemon wrote it,
 * so where a directory is a symbolic link (/var/run), both ways of writing it are looked for.
 */
export function socketNames(path: string): string[] {
  if (path.startsWith('@')) {
    return [path];
  }
  try {
    const directory = realpathSync.native(dirname(path));
    const resolved = `${directory === '/' ? '' : directory}/${basename(path)}`;
    return resolved === path ? [path] : [path, resolved];
  } catch {
    // Not there, or in another container's file system: its name is all there is.
    return [path];
  }
}
