import { closeSync, constants, fstatSync, ftruncateSync, openSync, writeSync } from 'node:fs';

// The default path of a container's termination message, and how much of it Kubernetes takes.
const path = '/dev/termination-log';
const mostBytes = 4096;

const { O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_WRONLY } = constants;

/**
 * Replaces the container's termination message, which the kubelet puts into the pod's status when the
 * container ends. Does nothing if there is no such file. Never throws, and never blocks: what is not
 * an ordinary file could have no reader.
 */
export function writeTerminationMessage(text: string): void {
  try {
    const descriptor = openSync(path, O_WRONLY | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK);
    try {
      if (fstatSync(descriptor).isFile()) {
        // On a full disk the earlier message stays.
        ftruncateSync(descriptor, writeSync(descriptor, cut(text), 0, null, 0));
      }
    } finally {
      closeSync(descriptor);
    }
  } catch {}
}

/** As many whole characters as fit. */
function cut(text: string): Buffer {
  const bytes = Buffer.from(text);
  let end = Math.min(bytes.length, mostBytes);
  while (isWithinCharacter(bytes[end])) {
    end -= 1;
  }
  return bytes.subarray(0, end);
}

/** In UTF-8 the bytes of a character after its first begin with the bits 10. */
function isWithinCharacter(byte = 0): boolean {
  return byte >> 6 === 0b10;
}
