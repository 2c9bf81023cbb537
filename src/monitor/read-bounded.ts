import { closeSync, constants, fstatSync, openSync, readlinkSync, readSync } from 'node:fs';

const { O_NOCTTY, O_NONBLOCK, O_RDONLY } = constants;
const mostLinks = 40;

/**
 * The text of a regular file, and nothing of one that is longer than it may be.
 *
 * @throws the error of the file system, or one that says what it is instead of a file.
 */
export function readBounded(path: string, mostBytes: number): string {
  // What another has put there may be a FIFO that nobody writes to.
  const descriptor = openSync(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  try {
    if (!fstatSync(descriptor).isFile()) {
      throw new Error('it is no regular file');
    }
    const bytes = Buffer.allocUnsafe(mostBytes + 1);
    let filled = 0;
    for (let count = -1; count !== 0 && filled < bytes.length; filled += count) {
      count = readSync(descriptor, bytes, filled, bytes.length - filled, null);
    }
    if (filled > mostBytes) {
      throw new Error(`it is longer than ${mostBytes} bytes`);
    }
    return bytes.toString('utf8', 0, filled);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * The path of a file below another root, as one who has that root would come to it: for us its
 * absolute links would lead out.
 *
 * @throws Error where the links lead in a circle.
 */
export function pathWithin(root: string, path: string): string {
  let rest = namesOf(path);
  let way: readonly string[] = [];
  let links = 0;
  while (links <= mostLinks) {
    const [name, ...after] = rest;
    if (name === undefined) {
      return [root, ...way].join('/');
    }
    const target = name === '..' ? null : linkTarget([root, ...way, name].join('/'));
    if (target === null) {
      way = name === '..' ? way.slice(0, -1) : [...way, name];
    } else {
      links += 1;
      way = target.startsWith('/') ? [] : way;
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
