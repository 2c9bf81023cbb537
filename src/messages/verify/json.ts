import type {
  BrokenBlob,
  BrokenSnapshot,
  ImageReport,
  StoreReport,
  Unchecked,
  User,
} from '../../verify/types.ts';
import { stateOf } from '../../verify/types.ts';
import { errorJson, errorOrNull } from '../json.ts';
import { visibleJson } from '../words.ts';

/** What `verify --json` prints: one object for all stores. */
export function verifyJson(reports: readonly StoreReport[]): string {
  return visibleJson(resultJson(reports));
}

/** What all stores have shown, as one answer. */
export function resultJson(reports: readonly StoreReport[]) {
  const blobs = reports.flatMap(({ store, blobs }) => ({ ...blobs, store }));
  const ofKind = (kind: BrokenBlob['kind']) =>
    blobs.flatMap(({ store, broken }) =>
      broken.filter((blob) => blob.kind === kind).map((blob) => brokenBlobJson(blob, store)),
    );
  return {
    state: stateOf(reports),
    stores: reports.map(({ store }) => store),
    // containerd's alone, of which there is one.
    namespace: reports[0]?.namespace ?? null,
    blobs: {
      checked: sum(blobs.map(({ checked }) => checked)),
      bytes: sum(blobs.map(({ bytes }) => bytes)),
      missing: ofKind('missing'),
      short: ofKind('short'),
      corrupt: ofKind('corrupt'),
      unchecked: blobs.flatMap(uncheckedJson),
    },
    images: reports.flatMap(({ images }) => images.map(imageJson)),
    snapshots: snapshotsJson(reports),
    removed: reports.flatMap(({ removed }) => removed),
    error: errorOrNull(reports.find(({ error }) => error !== null)?.error),
  };
}

/** Null unless the snapshots of a store could be seen. */
function snapshotsJson(reports: readonly StoreReport[]) {
  const seen = reports.flatMap(({ store, snapshots }) =>
    snapshots === null ? [] : [{ ...snapshots, store }],
  );
  const folders = seen.flatMap(({ folders }) => folders ?? []);
  return seen.length === 0
    ? null
    : {
        checked: sum(seen.map(({ checked }) => checked)),
        checkedFolders: folders.length === 0 ? null : sum(folders),
        broken: seen.flatMap(({ store, broken }) =>
          broken.map((snapshot) => brokenSnapshotJson(snapshot, store)),
        ),
        unchecked: seen.flatMap(uncheckedJson),
      };
}

function brokenBlobJson(blob: BrokenBlob, store: string) {
  const { digest, expectedBytes, foundBytes, usedBy } = blob;
  return { store, digest, expectedBytes, foundBytes, usedBy: usedBy.map(userJson) };
}

function imageJson({ name, digest, state, isIncomplete, ...broken }: ImageReport) {
  return { name, digest, state, incomplete: isIncomplete, ...broken };
}

function brokenSnapshotJson(snapshot: BrokenSnapshot, store: string) {
  const { snapshotter, key, kind, folders, usedBy } = snapshot;
  const users = usedBy.map(userJson);
  return { store, snapshotter, key, kind, missingFolders: folders, usedBy: users };
}

function userJson({ kind, name }: User) {
  return { kind, name };
}

interface OfStore {
  readonly store: string;
  readonly unchecked: readonly Unchecked[];
}

function uncheckedJson({ store, unchecked }: OfStore) {
  return unchecked.map(({ name, error }) => ({ store, name, error: errorJson(error) }));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
