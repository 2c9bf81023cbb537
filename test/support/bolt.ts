// Writes a database of bbolt: one leaf page, whose buckets are all within it.

/** A bucket by its keys. */
export interface BoltBucket extends ReadonlyMap<string, BoltBucket | Uint8Array> {}

const pageBytes = 4096;
const leafPage = 2;
const metaPage = 4;

/** @param transaction decides which of its two meta pages counts */
export function boltFile(content: BoltBucket, transaction = 2): Buffer {
  const body = page(3, leafPage, content);
  const pages = Math.ceil(body.length / pageBytes);
  const leaf = Buffer.concat([body], pages * pageBytes);
  return Buffer.concat([meta(0, transaction), meta(1, transaction - 1), emptyPage(2), leaf]);
}

function emptyPage(id: number): Buffer {
  const bytes = Buffer.alloc(pageBytes);
  bytes.writeBigUInt64LE(BigInt(id));
  return bytes;
}

function meta(id: number, transaction: number): Buffer {
  const bytes = emptyPage(id);
  bytes.writeUInt16LE(metaPage, 8);
  const fields = bytes.subarray(16);
  fields.writeUInt32LE(0xed0cdaed);
  fields.writeUInt32LE(2, 4);
  fields.writeUInt32LE(pageBytes, 8);
  // The root bucket is on page 3, the free list on page 2.
  fields.writeBigUInt64LE(3n, 16);
  fields.writeBigUInt64LE(2n, 32);
  fields.writeBigUInt64LE(4n, 40);
  fields.writeBigUInt64LE(BigInt(transaction), 48);
  fields.writeBigUInt64LE(checksum(fields.subarray(0, 56)), 56);
  return bytes;
}

/** FNV-1a. */
function checksum(bytes: Uint8Array): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of bytes) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  }
  return hash;
}

function page(id: number, kind: number, content: BoltBucket): Buffer {
  const entries = [...content]
    .map(([key, value]) => ({ key: Buffer.from(key), value }))
    .sort((one, other) => Buffer.compare(one.key, other.key));
  const head = Buffer.alloc(16 * (1 + entries.length));
  head.writeBigUInt64LE(BigInt(id));
  head.writeUInt16LE(kind, 8);
  head.writeUInt16LE(entries.length, 10);
  const data: Buffer[] = [];
  let end = head.length;
  entries.forEach(({ key, value }, index) => {
    const isBucket = !(value instanceof Uint8Array);
    // The head of a bucket whose page is 0: what follows is its page.
    const bytes = isBucket
      ? Buffer.concat([Buffer.alloc(16), page(0, leafPage, value)])
      : Buffer.from(value);
    const element = 16 * (1 + index);
    head.writeUInt32LE(isBucket ? 1 : 0, element);
    head.writeUInt32LE(end - element, element + 4);
    head.writeUInt32LE(key.length, element + 8);
    head.writeUInt32LE(bytes.length, element + 12);
    data.push(key, bytes);
    end += key.length + bytes.length;
  });
  return Buffer.concat([head, ...data]);
}
