import { execFileSync } from 'node:child_process';
import { createReadStream, mkdtempSync, type ReadStream, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Pipe {
  readonly reader: ReadStream;
  /** The descriptor to hand to a child, and to close then. */
  readonly writeEnd: number;
  readonly closeWriteEnd: () => Promise<void>;
}

/**
 * A pipe as a container runtime gives it to a hook. What Node.js calls a pipe is a pair of sockets,
 * for which `wait` would have to load what it needs for no other output.
 */
export async function openPipe(): Promise<Pipe> {
  const folder = mkdtempSync(join(tmpdir(), 'buildkit-drain-bench-'));
  try {
    const path = join(folder, 'pipe');
    execFileSync('mkfifo', [path]);
    const reader = createReadStream(path, { encoding: 'utf8' });
    const writer = await open(path, 'w');
    return { reader, writeEnd: writer.fd, closeWriteEnd: () => writer.close() };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
