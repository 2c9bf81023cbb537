import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Bucket, readBolt } from './bolt.ts';
import type { SnapshotName } from './containerd-api.ts';
import type { SnapshotReport } from './types.ts';

// BuildKit's OCI workers, and containerd itself, have a folder for each snapshotter, with `metadata.db` and `snapshots/`.
const workerName = /^runc-.+/;
const containerdPrefix = 'io.containerd.snapshotter.v1.';

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
    const snapshots = workers.flatMap((worker) =>
      compareFolders(worker, join(stateFolder, worker, 'snapshots')),
    );
    return workers.length === 0 ? null : reportOf(snapshots);
  } catch {
    return null;
  }
}

/**
 * Checks that each snapshot of a namespace in containerd has its folder, but for those that were checked already. BuildKit's
 * containerd worker has snapshots that belong to no image.
 *
 * @param root containerd's folder
 * @param isChecked tells those that were checked already
 * @throws Error where the metadata can't be read
 */
export function checkOtherSnapshots(
  root: string,
  namespace: string,
  isChecked: (name: SnapshotName) => boolean,
): SnapshotReport {
  const snapshotters = readdirSync(root).filter((name) => name.startsWith(containerdPrefix));
  const others = snapshotters
    .filter((name) => existsSync(join(root, name, 'metadata.db')))
    .flatMap((name) => compareFolders(name.slice(containerdPrefix.length), join(root, name)))
    .flatMap((snapshot) => {
      // <namespace>/<number>/<key in that namespace>
      const [of, , ...key] = snapshot.key.split('/');
      return of === namespace ? [{ ...snapshot, key: key.join('/') }] : [];
    });
  return reportOf(others.filter((snapshot) => !isChecked(snapshot)));
}

interface Compared extends SnapshotName {
  readonly folder: string;
  readonly isMissing: boolean;
}

function reportOf(snapshots: readonly Compared[]): SnapshotReport {
  const missing = snapshots.filter(({ isMissing }) => isMissing);
  return {
    checked: snapshots.length,
    folders: snapshots.length,
    broken: missing.map(({ snapshotter, key, folder }) => {
      return { snapshotter, key, kind: 'folder-missing', folders: [folder], usedBy: [] };
    }),
    unchecked: [],
  };
}

/** Compares a snapshotter's metadata with its folders. @throws Error where either can't be read */
function compareFolders(snapshotter: string, directory: string): Compared[] {
  const metadata = join(directory, 'metadata.db');
  const folders = join(directory, 'snapshots');
  const keys = keysById(metadata);
  const present = new Set(readdirSync(folders));
  const isComplete = [...keys.keys()].every((id) => present.has(id));
  // A snapshot that is removed meanwhile loses its metadata before its folder.
  const still = isComplete ? keys : keysById(metadata);
  return [...keys].map(([id, key]) => {
    const folder = join(folders, id);
    const isMissing = !present.has(id) && still.get(id) === key && !existsSync(folder);
    return { snapshotter, key, folder: ownPath(folder), isMissing };
  });
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
