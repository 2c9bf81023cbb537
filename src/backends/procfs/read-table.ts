import { closeSync, openSync, readSync } from 'node:fs';
import { BackendError } from '../types.ts';

const chunkBytes = 256 * 1024;

/**
 * Reads one of the kernel's tables to its end. Every byte becomes one character, so that paths that
 * are not UTF-8 keep their bytes.
 *
 * @throws BackendError with the errno name when a call fails, `ERR_TABLE_CUT` when the table does
 * not begin with `header` or does not end with a whole line.
 */
export function readTable(path: string, header: string): string {
  const table = readWhole(path);
  if (!table.startsWith(header)) {
    throw cutTable(path, `its first line is not the header "${header.trim()} …"`);
  }
  if (!table.endsWith('\n')) {
    throw cutTable(path, 'its last line has no end');
  }
  return table;
}

export function cutTable(path: string, why: string): BackendError {
  return new BackendError('ERR_TABLE_CUT', `read ${path}`, `${path} can't be trusted: ${why}`);
}

function readWhole(path: string): string {
  try {
    const descriptor = openSync(path, 'r');
    try {
      return readToEnd(descriptor);
    } finally {
      closeSync(descriptor);
    }
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'ERR_READ';
    throw new BackendError(code, `read ${path}`, `${path} can't be read (${code})`, { cause });
  }
}

// The kernel returns about a page per read; only a read of zero bytes means the end.
function readToEnd(descriptor: number): string {
  const parts: string[] = [];
  const chunk = Buffer.allocUnsafe(chunkBytes);
  let filled = 0;
  for (;;) {
    const count = readSync(descriptor, chunk, filled, chunkBytes - filled, null);
    filled += count;
    if (count === 0 || filled === chunkBytes) {
      parts.push(chunk.toString('latin1', 0, filled));
      filled = 0;
    }
    if (count === 0) {
      return parts.join('');
    }
  }
}
