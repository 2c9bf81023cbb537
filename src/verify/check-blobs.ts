import { checkBlob } from './check-blob.ts';
import type { Content } from './content.ts';
import type {
  Blob,
  BlobFinding,
  BlobReport,
  BrokenBlob,
  Progress,
  Unchecked,
  User,
} from './types.ts';

// How many are read at a time. Where only their last bytes are, it is the answers that are waited for. Whole ones keep
// this process busy, and of each some mebibytes wait in memory.
const endsAtATime = 8;
const wholeAtATime = 2;

export interface BlobsInput {
  readonly store: string;
  readonly content: Content;
  readonly blobs: readonly Blob[];
  readonly digests: boolean;
  readonly onFinding: (blob: Blob, finding: BlobFinding) => void;
  /** Called after each blob, and for each part of one that is read whole. */
  readonly onProgress: (progress: Progress) => void;
}

/**
 * Reads blobs, several at a time.
 *
 * @throws BackendError when the store can't be asked any more.
 */
export async function checkBlobs(input: BlobsInput): Promise<void> {
  const { store, content, blobs, digests, onFinding, onProgress } = input;
  const allBytes = blobs.reduce((sum, blob) => sum + blob.bytes, 0);
  let doneBlobs = 0;
  let doneBytes = 0;
  // Of the blobs that are being read.
  let partBytes = 0;
  const tell = (): void => {
    const bytes = digests ? doneBytes + partBytes : null;
    onProgress({ store, blobs: doneBlobs, allBlobs: blobs.length, bytes, allBytes });
  };

  const checkOne = async (blob: Blob): Promise<void> => {
    let readBytes = 0;
    const onChunk = ({ length }: Uint8Array): void => {
      readBytes += length;
      partBytes += length;
      tell();
    };
    const finding = await checkBlob(content, blob, digests ? onChunk : null);
    partBytes -= readBytes;
    doneBytes += blob.bytes;
    doneBlobs += 1;
    onFinding(blob, finding);
    tell();
  };

  const rest = blobs.values();
  const work = async (): Promise<void> => {
    for (const blob of rest) {
      await checkOne(blob);
    }
  };
  await Promise.all(Array.from({ length: digests ? wholeAtATime : endsAtATime }, work));
}

export interface Findings {
  readonly add: (blob: Blob, finding: BlobFinding) => void;
  readonly get: (digest: string) => BlobFinding | undefined;
  /** @param usersOf what needs a blob */
  readonly report: (usersOf: (digest: string) => readonly User[]) => BlobReport;
}

/** Keeps what was found, so that it is still there when a check can't go on. */
export function createFindings(): Findings {
  const findings = new Map<string, { readonly blob: Blob; readonly finding: BlobFinding }>();
  return {
    add: (blob, finding) => void findings.set(blob.digest, { blob, finding }),
    get: (digest) => findings.get(digest)?.finding,
    report(usersOf) {
      const read = [...findings.values()].filter(({ finding }) => finding.kind !== 'gone');
      return {
        checked: read.filter(({ finding }) => finding.kind !== 'unknown').length,
        bytes: read.reduce((sum, { blob }) => sum + blob.bytes, 0),
        broken: read.flatMap(({ blob, finding }) => brokenBlob(blob, finding, usersOf)),
        unchecked: read.flatMap(({ blob, finding }) => uncheckedBlob(blob, finding)),
      };
    },
  };
}

function brokenBlob(
  { digest, bytes }: Blob,
  finding: BlobFinding,
  usersOf: (digest: string) => readonly User[],
): BrokenBlob[] {
  if (!(finding.kind === 'missing' || finding.kind === 'short' || finding.kind === 'corrupt')) {
    return [];
  }
  const foundBytes = finding.kind === 'short' ? finding.foundBytes : null;
  const { kind } = finding;
  return [{ kind, digest, expectedBytes: bytes, foundBytes, usedBy: usersOf(digest) }];
}

function uncheckedBlob({ digest }: Blob, finding: BlobFinding): Unchecked[] {
  return finding.kind === 'unknown' ? [{ name: digest, error: finding.error }] : [];
}
