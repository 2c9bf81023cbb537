import type { BackendError } from '../backends/types.ts';

/** A blob that a store lists. */
export interface Blob {
  /** `sha256:` and 64 hexadecimal digits, or another algorithm's. */
  readonly digest: string;
  readonly bytes: number;
  readonly labels: ReadonlyMap<string, string>;
}

/** What reading a blob has shown. */
export type BlobFinding =
  | { readonly kind: 'whole' }
  /** The store lists it, and has no file for it. */
  | { readonly kind: 'missing' }
  | { readonly kind: 'short'; readonly foundBytes: number }
  /** Its bytes have another digest. */
  | { readonly kind: 'corrupt' }
  /** Garbage collection has removed it from the list and from the disk. */
  | { readonly kind: 'gone' }
  /** The store could not read it, and does not say that it is missing. */
  | { readonly kind: 'unknown'; readonly error: BackendError };

/** What needs a blob or a snapshot: an image by its name, or a build in buildkitd's history by its ref. */
export interface User {
  readonly kind: 'image' | 'build';
  readonly name: string;
}

/** A blob that is not as the store lists it. */
export interface BrokenBlob {
  readonly kind: 'missing' | 'short' | 'corrupt';
  readonly digest: string;
  readonly expectedBytes: number;
  /** How many bytes can be read; null for a blob of the right size. */
  readonly foundBytes: number | null;
  readonly usedBy: readonly User[];
}

/** A blob or a snapshot that could not be checked. */
export interface Unchecked {
  readonly name: string;
  readonly error: BackendError;
}

export interface BlobReport {
  /** How many were read. */
  readonly checked: number;
  /** The sum of their sizes, as the store lists them. */
  readonly bytes: number;
  readonly broken: readonly BrokenBlob[];
  readonly unchecked: readonly Unchecked[];
}

export interface ImageReport {
  readonly name: string;
  /** Of its index or manifest. */
  readonly digest: string;
  readonly state: 'whole' | 'damaged' | 'unknown';
  /** Whether the store's own metadata has no platform of it with all layers, nor with a snapshot. */
  readonly isIncomplete: boolean;
  /** Its blobs that are broken, by digest. */
  readonly brokenBlobs: readonly string[];
  /** Its snapshots that are broken, by key. */
  readonly brokenSnapshots: readonly string[];
}

/** A snapshot that is not as the metadata of an image says. */
export interface BrokenSnapshot {
  readonly snapshotter: string;
  /** containerd names it by the chain ID of an image's layers. */
  readonly key: string;
  /** `missing` in the snapshotter's metadata, or a `folder-missing` on disk. */
  readonly kind: 'missing' | 'folder-missing';
  /** The folders that are missing; empty where the snapshotter does not name them. */
  readonly folders: readonly string[];
  readonly usedBy: readonly User[];
}

export interface SnapshotReport {
  /** How many snapshots were checked: of containerd, those of unpacked images. */
  readonly checked: number;
  /** How many folders were looked at; null if that was not asked for. */
  readonly folders: number | null;
  readonly broken: readonly BrokenSnapshot[];
  readonly unchecked: readonly Unchecked[];
}

/** What checking one store has shown. */
export interface StoreReport {
  /** Its address. */
  readonly store: string;
  /** Of containerd; null for buildkitd. */
  readonly namespace: string | null;
  readonly blobs: BlobReport;
  /** Of containerd; buildkitd lists none. */
  readonly images: readonly ImageReport[];
  /** Null where they could not be seen: buildkitd's API does not have them. */
  readonly snapshots: SnapshotReport | null;
  /** The damaged images whose names were removed, so that they are pulled anew. */
  readonly removed: readonly string[];
  /** Why the check did not come to its end; null if it did. */
  readonly error: BackendError | null;
}

/** How far a check has come. */
export interface Progress {
  readonly store: string;
  readonly blobs: number;
  readonly allBlobs: number;
  /** How many bytes were read; null where only the last one of each blob is. */
  readonly bytes: number | null;
  readonly allBytes: number;
}

/** Damage outweighs what could not be checked, and that outweighs what is whole. */
export function stateOf(reports: readonly StoreReport[]): 'whole' | 'damaged' | 'unknown' {
  const isDamaged = reports.some(
    ({ blobs, images, snapshots }) =>
      blobs.broken.length > 0 ||
      images.some(({ state }) => state === 'damaged') ||
      (snapshots?.broken ?? []).length > 0,
  );
  if (isDamaged) {
    return 'damaged';
  }
  return reports.length > 0 && reports.every(isChecked) ? 'whole' : 'unknown';
}

/** Whether everything in a store could be checked. */
export function isChecked({ blobs, images, snapshots, error }: StoreReport): boolean {
  const unchecked = blobs.unchecked.length + (snapshots?.unchecked ?? []).length;
  return error === null && unchecked === 0 && images.every(({ state }) => state !== 'unknown');
}
