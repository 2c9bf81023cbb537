import type { Content } from '../../../src/verify/content.ts';
import type { Blob } from '../../../src/verify/types.ts';
import { digestOf } from '../../support/content.ts';

/** Blobs in memory. */
export interface Stored {
  readonly content: Content;
  readonly listed: Map<string, Blob>;
  /** Adds a blob, and returns its digest. */
  readonly add: (value: unknown, labels?: Readonly<Record<string, string>>) => string;
  /** Takes its bytes away, but not its metadata. */
  readonly lose: (digest: string) => void;
}

export function createStored(): Stored {
  const listed = new Map<string, Blob>();
  const files = new Map<string, Buffer>();
  return {
    listed,
    content: {
      list: async () => [...listed.values()],
      info: async (digest) => listed.get(digest) ?? null,
      async *read(digest, offset, length = Infinity) {
        yield (files.get(digest) ?? Buffer.alloc(0)).subarray(offset, offset + length);
      },
    },
    add(value, labels = {}) {
      const bytes = Buffer.isBuffer(value) ? value : Buffer.from(JSON.stringify(value));
      const digest = digestOf(bytes);
      files.set(digest, bytes);
      listed.set(digest, { digest, bytes: bytes.length, labels: new Map(Object.entries(labels)) });
      return digest;
    },
    lose: (digest) => void files.delete(digest),
  };
}
