import { readFileSync, readSync } from 'node:fs';
import { withRegularFile } from '../backends/regular-file.ts';

// The file format of bbolt (https://github.com/etcd-io/bbolt), whose library takes a lock that the daemon holds. A plain read
// needs none: a transaction writes new pages, and changes no page of the transaction before.

const magic = 0xed0cdaed;
const pageHeaderBytes = 16;
const elementBytes = 16;
const bucketHeaderBytes = 16;
const branchPage = 1;
const bucketElement = 1;

// Deeper than any real tree.
const deepest = 40;

// How often a file is read that transactions change meanwhile.
const attempts = 10;

/** A bucket: values and further buckets, by their keys. */
export interface Bucket {
  readonly values: ReadonlyMap<string, Buffer>;
  readonly buckets: ReadonlyMap<string, Bucket>;
}

/**
 * Reads a database as of its latest transaction, while its owner may write to it.
 *
 * @throws Error where the file can't be read, or is no such database
 */
export function readBolt(path: string): Bucket {
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const file = withRegularFile(path, (descriptor) => readFileSync(descriptor));
    const meta = latestMeta(file);
    const head = readHead(path, Math.min(2 * meta.pageBytes, file.length));
    if (latestMeta(head).transaction === meta.transaction) {
      return parseBolt(file, meta);
    }
  }
  throw new Error(`${path} is changed all the time`);
}

/** The pages that say which transaction is the latest. */
function readHead(path: string, bytes: number): Buffer {
  return withRegularFile(path, (descriptor) => {
    const head = Buffer.alloc(bytes);
    return head.subarray(0, readSync(descriptor, head, 0, bytes, 0));
  });
}

interface Meta {
  readonly pageBytes: number;
  readonly root: number;
  readonly transaction: bigint;
}

/** The newer one of the two meta pages whose checksums are right. */
function latestMeta(file: Buffer): Meta {
  const pageBytes = file.readUInt32LE(24);
  const metas = [0, pageBytes].flatMap((start) => metaAt(file, start + pageHeaderBytes, pageBytes));
  const [first, second] = metas;
  if (first === undefined) {
    throw new Error('it is not a bolt database');
  }
  return second !== undefined && second.transaction > first.transaction ? second : first;
}

function metaAt(file: Buffer, at: number, pageBytes: number): Meta[] {
  const isMeta =
    file.length >= at + 64 &&
    file.readUInt32LE(at) === magic &&
    fnv1a(file.subarray(at, at + 56)) === file.readBigUInt64LE(at + 56);
  const root = (): number => Number(file.readBigUInt64LE(at + 16));
  return isMeta ? [{ pageBytes, root: root(), transaction: file.readBigUInt64LE(at + 48) }] : [];
}

/** FNV-1a of 64 bits, the checksum of a meta page. */
function fnv1a(bytes: Uint8Array): bigint {
  return bytes.reduce(
    (hash, byte) => BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n),
    0xcbf29ce484222325n,
  );
}

interface Element {
  readonly isBucket: boolean;
  readonly key: string;
  readonly value: Buffer;
  /** Where the value begins in the file. */
  readonly start: number;
}

/** @throws Error where the pages don't make sense */
function parseBolt(file: Buffer, { pageBytes, root }: Meta): Bucket {
  let seenBytes = 0;

  /** What is read in all is no more than the file: the pages of a damaged one may lead to one another. */
  const note = (bytes: number): void => {
    seenBytes += bytes;
    if (seenBytes > file.length) {
      throw new Error('it is damaged');
    }
  };

  /** The elements below a page, which begins here in the file. */
  function* elementsBelow(page: number, depth: number): Generator<Element> {
    const isBranch = (file.readUInt16LE(page + 8) & branchPage) !== 0;
    const count = file.readUInt16LE(page + 10);
    note(count * elementBytes);
    if (depth > deepest) {
      throw new Error('it is damaged');
    }
    for (let index = 0; index < count; index += 1) {
      const element = page + pageHeaderBytes + index * elementBytes;
      if (isBranch) {
        yield* elementsBelow(Number(file.readBigUInt64LE(element + 8)) * pageBytes, depth + 1);
      } else {
        yield leafElement(element);
      }
    }
  }

  const leafElement = (element: number): Element => {
    const keyStart = element + file.readUInt32LE(element + 4);
    const start = keyStart + file.readUInt32LE(element + 8);
    note(start - keyStart);
    return {
      isBucket: (file.readUInt32LE(element) & bucketElement) !== 0,
      key: file.toString('utf8', keyStart, start),
      value: file.subarray(start, start + file.readUInt32LE(element + 12)),
      start,
    };
  };

  const readBucket = (page: number, depth: number): Bucket => {
    const values = new Map<string, Buffer>();
    const buckets = new Map<string, Bucket>();
    for (const { isBucket, key, value, start } of elementsBelow(page, depth)) {
      if (isBucket) {
        // A small bucket has no page of its own. It follows its header.
        const number = Number(value.readBigUInt64LE(0));
        const begin = number === 0 ? start + bucketHeaderBytes : number * pageBytes;
        buckets.set(key, readBucket(begin, depth + 1));
      } else {
        values.set(key, value);
      }
    }
    return { values, buckets };
  };

  return readBucket(root * pageBytes, 0);
}
