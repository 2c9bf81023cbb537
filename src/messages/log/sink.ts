import {
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  statSync,
  writeSync,
} from 'node:fs';
import { Socket } from 'node:net';

/** Where log lines go. A write never blocks, and never throws but when the target is lost. */
export interface Sink {
  /** @throws the error of the file system. Lines that found no room are counted, not thrown. */
  write(line: string): void;
  /** How many lines found no room; asked while there is none again, it keeps the number. */
  takeLost(): number;
}

const { O_APPEND, O_CREAT, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_WRONLY } = constants;
const openFlags = O_WRONLY | O_APPEND | O_NOCTTY | O_NONBLOCK;

const noRoom = ['EAGAIN', 'EWOULDBLOCK'];

/** Writes to an open descriptor. */
function descriptorSink(descriptor: number): Sink {
  // A line that was taken in part is finished before the next, or they would run into each other.
  let rest: Buffer = Buffer.alloc(0);
  let lost = 0;
  let hasRoom = true;

  const writeRest = (): boolean => {
    try {
      while (rest.length > 0) {
        rest = rest.subarray(writeSync(descriptor, rest));
      }
      return true;
    } catch (error) {
      if (noRoom.includes((error as NodeJS.ErrnoException).code ?? '')) {
        return false;
      }
      throw error;
    }
  };

  const writeLine = (line: string): 'written' | 'lost' => {
    if (!writeRest()) {
      return 'lost';
    }
    const bytes = Buffer.from(line);
    rest = bytes;
    if (writeRest() || rest.length < bytes.length) {
      return 'written';
    }
    rest = Buffer.alloc(0);
    return 'lost';
  };

  return {
    write(line) {
      hasRoom = writeLine(line) === 'written';
      lost += hasRoom ? 0 : 1;
    },
    takeLost() {
      const count = hasRoom ? lost : 0;
      lost -= count;
      return count;
    },
  };
}

/**
 * A file, which is created if there is none.
 *
 * @throws the error of the file system: for a FIFO without a reader (`ENXIO`), and for a symbolic link
 * of another user than root and ourselves, since it could have us write where its owner cannot.
 */
export function fileSink(procRoot: string, path: string): Sink {
  try {
    return descriptorSink(openSync(path, openFlags | O_CREAT | O_NOFOLLOW, 0o644));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ELOOP' || !isTrustedLink(procRoot, path)) {
      throw error;
    }
    return descriptorSink(openSync(path, openFlags | O_CREAT, 0o644));
  }
}

function isTrustedLink(procRoot: string, path: string): boolean {
  const { uid: ownUid } = statSync(`${procRoot}/self`);
  return [0, ownUid].includes(lstatSync(path).uid);
}

/**
 * The standard error of another process.
 *
 * @throws the error of the file system, or an error if that process would write over our lines.
 */
export function processSink(procRoot: string, pid: number): Sink {
  const path = stderrPath(procRoot, pid);
  if (statSync(path).isFile() && !opensToAppend(procRoot, pid)) {
    throw new Error(
      `process ${pid} writes its standard error to a file that it has not opened for appending, ` +
        'and would write over our lines (redirect with >> instead of >)',
    );
  }
  return descriptorSink(openSync(path, openFlags));
}

// proc_pid_fdinfo(5). If it cannot be read, append is assumed, which is usual.
function opensToAppend(procRoot: string, pid: number): boolean {
  try {
    const text = readFileSync(`${procRoot}/${pid}/fdinfo/2`, 'utf8');
    const flags = /^flags:\t(\d+)$/m.exec(text)?.[1];
    return flags === undefined || (Number.parseInt(flags, 8) & O_APPEND) !== 0;
  } catch {
    return true;
  }
}

/** Whether our standard error is `shared` with a process that does not expect it to be non-blocking. */
export type StderrOwnership = 'own' | 'shared';

/**
 * Our own standard error. Without a reader it must not block us, so a pipe is opened a second time. A
 * socket, or a pipe while /proc is hidden, cannot be: it is made non-blocking for all processes that
 * share it, but only if it is our own.
 */
export function stderrSink(procRoot: string, ownership: StderrOwnership): Sink {
  const kind = kindOfStderr();
  if (kind === 'pipe') {
    try {
      return descriptorSink(openSync(stderrPath(procRoot, 'self'), openFlags));
    } catch {}
  }
  if (kind !== 'other' && ownership === 'own') {
    unblock(2);
  }
  return descriptorSink(2);
}

function kindOfStderr(): 'pipe' | 'socket' | 'other' {
  try {
    const stats = fstatSync(2);
    return stats.isFIFO() ? 'pipe' : stats.isSocket() ? 'socket' : 'other';
  } catch {
    // Closed: to write to it fails, and does not block.
    return 'other';
  }
}

const unblocked: Socket[] = [];

// Node makes non-blocking what it takes for a stream. Kept, since dropping it closes the descriptor.
function unblock(descriptor: number): void {
  try {
    const stream = new Socket({ fd: descriptor, readable: false, writable: true });
    stream.on('error', () => {});
    stream.unref();
    unblocked.push(stream);
  } catch {
    // Of a kind that Node cannot wait for: it stays as it is.
  }
}

/** Whether a process has the same standard error as we. */
export function sharesStderr(procRoot: string, pid: number): boolean {
  try {
    const theirs = statSync(stderrPath(procRoot, pid));
    const ours = fstatSync(2);
    return theirs.dev === ours.dev && theirs.ino === ours.ino;
  } catch {
    return false;
  }
}

function stderrPath(procRoot: string, pid: number | 'self'): string {
  return `${procRoot}/${pid}/fd/2`;
}
