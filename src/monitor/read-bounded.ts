import { readlinkSync, readSync } from 'node:fs';
import { withRegularFile } from '../backends/regular-file.ts';

const mostLinks = 40;

/**
 * Reads a regular file of at most so many bytes.
 *
 * @throws file system errors, and an error if it is longer or not a regular file.
 */
export function readBounded(path: string, mostBytes: number): string {
  return withRegularFile(path, (descriptor) => {
    const bytes = Buffer.allocUnsafe(mostBytes + 1);
    let filled = 0;
    for (let count = -1; count !== 0 && filled < bytes.length; filled += count) {
      count = readSync(descriptor, bytes, filled, bytes.length - filled, null);
    }
    if (filled > mostBytes) {
      throw new Error(`it is longer than ${mostBytes} bytes`);
    }
    return bytes.toString('utf8', 0, filled);
  });
}

/**
 * Resolves a path as a process with another root directory would: for us its absolute symbolic links
 * would lead out of that root.
 *
 * @throws Error where the links lead in a circle.
 */
export function pathWithin(root: string, path: string): string {
  let rest = namesOf(path);
  let resolved: readonly string[] = [];
  let links = 0;
  while (links <= mostLinks) {
    const [name, ...after] = rest;
    if (name === undefined) {
      return [root, ...resolved].join('/');
    }
    const target = name === '..' ? null : linkTarget([root, ...resolved, name].join('/'));
    if (target === null) {
      resolved = name === '..' ? resolved.slice(0, -1) : [...resolved, name];
    } else {
      links += 1;
      resolved = target.startsWith('/') ? [] : resolved;
    }
    rest = target === null ? after : [...namesOf(target), ...after];
  }
  throw new Error('its symbolic links lead in a circle');
}

function namesOf(path: string): readonly string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}

function linkTarget(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null;
  }
}
