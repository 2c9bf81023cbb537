import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Bucket, readBolt } from './bolt.ts';
import type { BrokenSnapshot, SnapshotReport } from './types.ts';

// BuildKit's OCI workers, each with a snapshotter of containerd's kind.
const workerName = /^runc-.+/;

// containerd's api/services/snapshots/v1/snapshots.proto: Kind.
const viewKind = 1;

/**
 * Checks that each snapshot of a buildkitd has its folder, which its API can't tell.
 *
 * @param stateFolder buildkitd's folder, as a path of this process
 * @returns null where there are no snapshots of that kind, or they can't be read
 */
export function checkWorkerSnapshots(stateFolder: string): SnapshotReport | null {
  try {
    const workers = readdirSync(stateFolder).filter((name) => workerName.test(name));
    const compared = workers.map((worker) => compareFolders(worker, join(stateFolder, worker)));
    const count = compared.reduce((sum, each) => sum + each.count, 0);
    const broken = compared.flatMap((each) => each.broken);
    return workers.length === 0 ? null : { checked: count, folders: count, broken, unchecked: [] };
  } catch {
    return null;
  }
}

interface Compared {
  readonly count: number;
  readonly broken: readonly BrokenSnapshot[];
}

/** Compares a snapshotter's metadata with its folders. @throws Error where either can't be read */
function compareFolders(worker: string, folder: string): Compared {
  const snapshots = join(folder, 'snapshots');
  const metadata = join(snapshots, 'metadata.db');
  const folders = join(snapshots, 'snapshots');
  const keys = keysById(metadata);
  const present = new Set(readdirSync(folders));
  const without = [...keys].filter(([id]) => !present.has(id));
  // A snapshot that is removed meanwhile loses its metadata before its folder.
  const still = without.length === 0 ? keys : keysById(metadata);
  const broken = without
    .filter(([id, key]) => still.get(id) === key && !existsSync(join(folders, id)))
    .map(([id, key]): BrokenSnapshot => {
      const kind = 'folder-missing';
      return { snapshotter: worker, key, kind, folders: [ownPath(join(folders, id))], usedBy: [] };
    });
  return { count: keys.size, broken };
}

/**
 * The keys of all snapshots, by the ids that their folders are named after. Views are left out: some snapshotters show
 * the folder of the snapshot below.
 */
function keysById(path: string): ReadonlyMap<string, string> {
  const snapshots = [...(bucketIn(readBolt(path), 'v1', 'snapshots')?.buckets ?? [])];
  return new Map(
    snapshots
      .filter(([, { values }]) => values.get('kind')?.[0] !== viewKind)
      .map(([key, { values }]) => [decodeId(values.get('id')), key]),
  );
}

/** A path as the daemon would write it. */
function ownPath(path: string): string {
  return path.replace(/^\/proc\/\d+\/root(?=\/)/, '');
}

function bucketIn(bucket: Bucket, ...path: readonly string[]): Bucket | undefined {
  return path.reduce<Bucket | undefined>((within, key) => within?.buckets.get(key), bucket);
}

/** 7 bits a byte, the least significant ones first. */
function decodeId(bytes: Uint8Array = new Uint8Array()): string {
  const id = bytes.reduce((sum, byte, at) => sum + (BigInt(byte & 0x7f) << BigInt(7 * at)), 0n);
  return id.toString();
}
