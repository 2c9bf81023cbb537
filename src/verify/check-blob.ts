import { createHash, getHashes } from 'node:crypto';
import type { BackendError } from '../backends/types.ts';
import { asBackendError, callError, codeOf, malformed } from '../grpc/errors.ts';
import { type Content, isStatus, nullIfNotFound } from './content.ts';
import type { Blob, BlobFinding } from './types.ts';

/** How to read a blob: its last byte, or, if what arrives is wanted, all of it, and its digest with it. */
export type OnChunk = ((chunk: Uint8Array) => void) | null;

/**
 * Reads a blob. What the store answers about this blob alone is a finding.
 *
 * @throws BackendError when the store can't be asked any more.
 */
export async function checkBlob(
  content: Content,
  blob: Blob,
  onChunk: OnChunk,
): Promise<BlobFinding> {
  const read = (): Promise<BlobFinding> =>
    onChunk === null ? readEnd(content, blob) : readWhole(content, blob, onChunk);
  try {
    // A file may be removed, and written anew, between the two questions: so a missing one is read once more.
    for (let isLast = false; ; isLast = true) {
      const finding = await read().catch(nullIfNotFound);
      if (finding !== null) {
        return finding;
      }
      if ((await content.info(blob.digest)) === null) {
        return { kind: 'gone' };
      }
      if (isLast) {
        return { kind: 'missing' };
      }
    }
  } catch (error) {
    return { kind: 'unknown', error: ofBlob(error) };
  }
}

async function readEnd(content: Content, { digest, bytes }: Blob): Promise<BlobFinding> {
  if (bytes === 0) {
    await countBytes(content, digest, 0, 0);
    return { kind: 'whole' };
  }
  const isWhole = await hasByte(content, digest, bytes - 1);
  return isWhole ? { kind: 'whole' } : await shortBlob(content, digest, bytes);
}

async function readWhole(
  content: Content,
  { digest, bytes }: Blob,
  onChunk: (chunk: Uint8Array) => void,
): Promise<BlobFinding> {
  const [algorithm = '', expected] = digest.split(':');
  if (!getHashes().includes(algorithm)) {
    const message = `Node.js does not have the algorithm of the digest ${digest}`;
    return { kind: 'unknown', error: callError('ERR_DIGEST_ALGORITHM', message) };
  }
  const hash = createHash(algorithm);
  let found = 0;
  for await (const chunk of content.read(digest, 0)) {
    found += chunk.length;
    if (found > bytes) {
      throw tooMany(bytes);
    }
    hash.update(chunk);
    onChunk(chunk);
  }
  if (found < bytes) {
    return { kind: 'short', foundBytes: found };
  }
  return hash.digest('hex') === expected ? { kind: 'whole' } : { kind: 'corrupt' };
}

/** Finds out by halving how many bytes there are, since reading them all could take long. */
async function shortBlob(content: Content, digest: string, bytes: number): Promise<BlobFinding> {
  let [found, most] = [0, bytes - 1];
  while (found < most) {
    const middle = found + Math.ceil((most - found) / 2);
    if (await hasByte(content, digest, middle - 1)) {
      found = middle;
    } else {
      most = middle - 1;
    }
  }
  return { kind: 'short', foundBytes: found };
}

async function hasByte(content: Content, digest: string, offset: number): Promise<boolean> {
  try {
    return (await countBytes(content, digest, offset, 1)) === 1;
  } catch (error) {
    // A store may say so of a file that ends before the offset. containerd 1.6 sends nothing.
    if (isStatus(error, 'OUT_OF_RANGE')) {
      return false;
    }
    throw error;
  }
}

/** How many bytes there are from an offset on. More than asked for are refused. */
async function countBytes(
  content: Content,
  digest: string,
  offset: number,
  most: number,
): Promise<number> {
  let count = 0;
  for await (const chunk of content.read(digest, offset, most)) {
    count += chunk.length;
    if (count > most) {
      throw tooMany(most);
    }
  }
  return count;
}

function tooMany(most: number): BackendError {
  return malformed(`more than ${most} bytes of a blob were sent`);
}

const statusesOfBlob = [
  ...['UNKNOWN', 'INTERNAL', 'DATA_LOSS', 'FAILED_PRECONDITION', 'INVALID_ARGUMENT'],
  ...['OUT_OF_RANGE', 'PERMISSION_DENIED'],
];

/** An error about one blob. @throws any other: then the next blob can't be read either. */
function ofBlob(error: unknown): BackendError {
  if (isStatus(error, ...statusesOfBlob) || codeOf(error) === 'ERR_ANSWER_MALFORMED') {
    return asBackendError(error);
  }
  throw error;
}
