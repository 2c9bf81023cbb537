import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import type { GrpcConnection } from '../../src/grpc/types.ts';
import { type Bucket, readBolt } from '../../src/verify/bolt.ts';
import { decodeRecord } from '../../src/verify/build-records.ts';
import { openContainerd } from '../../src/verify/containerd-api.ts';
import { decodeBlobs } from '../../src/verify/content.ts';
import { parseDocument } from '../../src/verify/documents.ts';
import { followImages } from '../../src/verify/image-trees.ts';
import { type BoltBucket, boltFile } from '../support/bolt.ts';
import { digestOf } from '../support/content.ts';
import { encoded, foreignText, holds, holdsAsync, mutated, valueOrNull } from '../support/fuzz.ts';
import { createStored } from '../unit/support/stored.ts';

const bytesOf = (text: string): Buffer => Buffer.from(text);

const digest = fc.oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }).map(digestOf), foreignText);
const size = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.constantFrom(0n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n),
);
const labels = fc.array(fc.tuple(foreignText, foreignText), { maxLength: 3 });
const info = fc.tuple(digest, size, labels);

function infoMessage([name, bytes, entries]: [string, bigint, [string, string][]]): Buffer {
  const map = entries.map(([label, value]) => {
    return [
      5,
      encoded([
        [1, bytesOf(label)],
        [2, bytesOf(value)],
      ]),
    ] as const;
  });
  return encoded([[1, bytesOf(name)], [2, bytes], ...map]);
}

const infos = fc
  .array(info, { maxLength: 4 })
  .map((each) => encoded(each.map((one) => [1, infoMessage(one)] as const)));

describe('the blobs of an answer', () => {
  it('have sizes that are exact numbers, and digests, or are refused', () => {
    holds([fc.oneof(infos, infos.chain(mutated), fc.uint8Array())], (message) => {
      for (const blob of valueOrNull(() => decodeBlobs(message)) ?? []) {
        expect(Number.isSafeInteger(blob.bytes) && blob.bytes >= 0).toBe(true);
        expect(blob.digest).toMatch(/^[^:\s]+:[^:\s]+$/);
      }
    });
  });

  it('are as they were written', () => {
    const right = fc.record({
      digest: fc.uint8Array().map(digestOf),
      bytes: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
      labels: fc.dictionary(fc.string(), fc.string()),
    });
    holds([fc.array(right)], (blobs) => {
      const message = encoded(
        blobs.map(({ digest, bytes, labels }) => {
          return [1, infoMessage([digest, BigInt(bytes), Object.entries(labels)])] as const;
        }),
      );
      expect(decodeBlobs(message)).toEqual(
        blobs.map((blob) => ({ ...blob, labels: new Map(Object.entries(blob.labels)) })),
      );
    });
  });
});

const record = fc
  .array(
    fc.tuple(
      fc.constantFrom(1, 8, 10, 11, 13, 18),
      fc.array(fc.tuple(fc.constantFrom(1, 2, 3), fc.uint8Array())),
    ),
  )
  .map((fields) => encoded([[2, encoded(fields.map(([at, each]) => [at, encoded(each)]))]]));

it('the blobs of a record of the build history are texts, or it is refused', () => {
  holds([fc.oneof(record, record.chain(mutated), fc.uint8Array())], (message) => {
    const { ref = '', digests = [] } = valueOrNull(() => decodeRecord(message)) ?? {};
    expect([ref, ...digests].filter((each) => typeof each !== 'string')).toEqual([]);
  });
});

const descriptor = fc.record({ digest: fc.oneof(digest, fc.jsonValue()) }, { requiredKeys: [] });
const json = fc.oneof(
  fc.record({ manifests: fc.array(descriptor) }),
  fc.record({ config: descriptor, layers: fc.option(fc.array(descriptor)) }),
  fc.jsonValue(),
);
const document = json.map((value) => JSON.stringify(value));

it('an index or a manifest has texts for digests, or is none', () => {
  const changed = document.chain((text) => mutated(bytesOf(text))).map(String);
  holds([fc.oneof(document, changed, foreignText)], (text) => {
    const parsed = parseDocument(text);
    const digests =
      parsed?.kind === 'index'
        ? parsed.manifests
        : parsed === null
          ? []
          : [parsed.config, ...parsed.layers];
    expect(digests.filter((each) => typeof each !== 'string')).toEqual([]);
  });
});

it('an image is followed through its documents, and each of them once', async () => {
  const documents = fc.array(
    fc.record({
      kind: fc.constantFrom('index', 'manifest', 'other'),
      // Which of the ones before it names.
      refs: fc.array(fc.nat(), { minLength: 1, maxLength: 5 }),
    }),
    { minLength: 1, maxLength: 40 },
  );
  await holdsAsync([documents, fc.nat()], async (all, lost) => {
    const { add, content, listed } = createStored();
    const digests = [add({})];
    for (const { kind, refs } of all) {
      const named = refs.map((ref) => ({ digest: digests.at(-1 - (ref % digests.length)) }));
      const [config] = named;
      digests.push(
        add({ index: { manifests: named }, manifest: { config, layers: named }, other: 1 }[kind]),
      );
    }
    listed.delete(digests.at(lost % digests.length) ?? '');
    const image = { name: 'a', digest: digests.at(-1) ?? '' };
    let read = 0;
    const [tree] = await followImages([image], listed, content, () => {
      read += 1;
    });
    expect(read).toBeLessThanOrEqual(new Set(digests).size);
    expect([...(tree?.blobs ?? [])].filter((digest) => !listed.has(digest))).toEqual([]);
    expect(tree?.blobs.has(image.digest)).toBe(listed.has(image.digest));
  });
});

/** A connection on which each call has this answer. */
function answering(message: Uint8Array): GrpcConnection {
  return {
    call: async () => [message],
    async *stream() {
      yield message;
    },
  };
}

const texts = fc.array(fc.tuple(fc.integer({ min: 1, max: 5 }), foreignText.map(bytesOf)), {
  maxLength: 5,
});
const nested = fc.array(fc.tuple(fc.integer({ min: 1, max: 3 }), texts.map(encoded))).map(encoded);

it('the answers of containerd are values of their types, or refused', async () => {
  const answer = fc.oneof(
    nested,
    nested.map((each) => encoded([[1, each]])),
    fc.uint8Array(),
  );
  await holdsAsync([fc.oneof(answer, answer.chain(mutated))], async (message) => {
    const containerd = openContainerd(answering(message), 'k8s.io');
    const view = { snapshotter: 'native', key: 'a' };
    const answers = await Promise.allSettled([
      ...[containerd.listImages(), containerd.getImage('a'), containerd.contentRoot()],
      ...[containerd.parentOf(view), containerd.viewSnapshot(view, 'b', 'c')],
      ...[containerd.content.list(), containerd.content.info('a')],
    ]);
    for (const each of answers) {
      valueOrNull(() => {
        if (each.status === 'rejected') {
          throw each.reason;
        }
      });
    }
    const [images, image] = answers;
    const named = [images, image].flatMap((each) =>
      each?.status === 'fulfilled' ? [each.value ?? []].flat() : [],
    ) as { name: string; digest: string }[];
    expect(named.filter(({ name, digest }) => name === '' || digest === '')).toEqual([]);
  });
});

function asWritten({ values, buckets }: Bucket): BoltBucket {
  const inner = [...buckets].map(([key, bucket]) => [key, asWritten(bucket)] as const);
  const plain = [...values].map(([key, value]) => [key, Uint8Array.from(value)] as const);
  return new Map<string, BoltBucket | Uint8Array>([...inner, ...plain]);
}

describe('a database of snapshots', () => {
  const folder = mkdtempSync(join(tmpdir(), 'drain-test-bolt-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'metadata.db');
  const read = (file: Uint8Array): Bucket => {
    writeFileSync(path, file);
    return readBolt(path);
  };

  const key = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 });
  const { bucket } = fc.letrec<{ bucket: BoltBucket }>((tie) => ({
    bucket: fc
      .array(fc.tuple(key, fc.oneof(fc.uint8Array({ maxLength: 20 }), tie('bucket'))), {
        maxLength: 4,
        depthIdentifier: 'bucket',
      })
      .map((entries) => new Map(entries)),
  }));

  it('is read as it was written', () => {
    holds([bucket], (content) => {
      expect(asWritten(read(boltFile(content)))).toEqual(content);
    });
  });

  it('of any bytes is read or refused', () => {
    const written = bucket.map((content) => boltFile(content));
    // A page with a wrong checksum is refused, and so the first two are left alone.
    const changed = written.chain((file) =>
      mutated(file.subarray(8192)).map((rest) => Buffer.concat([file.subarray(0, 8192), rest])),
    );
    holds([fc.oneof(changed, written.chain(mutated), fc.uint8Array())], (file) => {
      try {
        read(file);
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
        expect((error as Error).message).not.toMatch(/call stack/);
      }
    });
  });
});
