import { closeSync, constants, openSync, writeSync } from 'node:fs';

// Where Kubernetes looks for a container's last words, by default, and how much of them it takes.
const path = '/dev/termination-log';
const mostBytes = 4096;

/**
 * Writes a container's last words, in the place of what stood there. They show in `kubectl describe
 * pod` once the container has ended. Does nothing where there is no such file.
 */
export function writeTerminationLog(text: string): void {
  try {
    const descriptor = openSync(path, constants.O_WRONLY | constants.O_TRUNC);
    try {
      writeSync(descriptor, Buffer.from(text).subarray(0, mostBytes));
    } finally {
      closeSync(descriptor);
    }
  } catch {}
}
