import { closeSync, constants, fstatSync, openSync } from 'node:fs';

const { O_NOCTTY, O_NONBLOCK, O_RDONLY } = constants;

/**
 * Opens a file of another program's, which may be a FIFO without a writer, and closes it when it was read.
 *
 * @throws file system errors, and an error if it is not a regular file.
 */
export function withRegularFile<Result>(
  path: string,
  read: (descriptor: number) => Result,
): Result {
  const descriptor = openSync(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  try {
    if (!fstatSync(descriptor).isFile()) {
      throw new Error('it is no regular file');
    }
    return read(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
