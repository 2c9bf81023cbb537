import type {
  BrokenBlob,
  BrokenSnapshot,
  ImageReport,
  Progress,
  StoreReport,
  Unchecked,
  User,
} from '../verify/types.ts';
import { stateOf } from '../verify/types.ts';
import { errorJson, errorOrNull, rounded } from './json.ts';
import type { LogEntry } from './log/log.ts';
import { formatBytes, listed, shortDuration, visible, visibleJson } from './words.ts';

/** What `verify` prints for people. */
export function verifyText(reports: readonly StoreReport[], digests: boolean): string {
  return reports
    .flatMap((report) => [
      `${headline(report)}.`,
      ...report.blobs.broken.map((blob) => `  ${brokenBlobText(blob)}`),
      ...(report.snapshots?.broken ?? []).map((snapshot) => `  ${brokenSnapshotText(snapshot)}`),
      ...report.images.filter(({ isIncomplete }) => isIncomplete).map(incompleteText),
      ...uncheckedIn(report).map(({ name, error }) => `  not checked: ${name}: ${error.message}`),
      ...removedLines(report),
      ...remedyLines(report),
      ...limitLines(report, digests),
    ])
    .map((line) => `${visible(line)}\n`)
    .join('');
}

/** The state of a store as a sentence without its end. */
function headline(report: StoreReport): string {
  const { blobs, images, snapshots, error } = report;
  switch (stateOf([report])) {
    case 'whole':
      return blobs.checked + images.length + (snapshots?.checked ?? 0) === 0
        ? `Whole: ${storeOf(report)} is empty`
        : `Whole: ${checkedText(report)}, and all is there`;
    case 'damaged':
      return `Damaged: ${checkedText(report)}: ${damageText(report)}${
        error === null ? '' : `; the check could not go on: ${error.message}`
      }`;
    case 'unknown':
      return error === null
        ? `Unknown: ${checkedText(report)}, but not everything could be`
        : `Unknown: ${storeOf(report)} could not be checked: ${error.message}`;
  }
}

function storeOf({ store, namespace }: StoreReport): string {
  return namespace === null ? store : `the namespace ${namespace} of ${store}`;
}

/** `12 images, 148 blobs (3.4 GB) and 12 snapshots of unix:///… were checked` */
function checkedText(report: StoreReport): string {
  const { blobs, images, snapshots, namespace } = report;
  const parts = [
    ...(namespace === null ? [] : [count(images.length, 'image')]),
    `${count(blobs.checked, 'blob')} (${formatBytes(blobs.bytes)})`,
    ...(snapshots === null ? [] : [count(snapshots.checked, 'snapshot')]),
    ...(snapshots?.folders && namespace !== null ? [count(snapshots.folders, 'folder')] : []),
  ];
  return `${joined(parts)} of ${storeOf(report)} were checked`;
}

function damageText({ blobs, images, snapshots }: StoreReport): string {
  const incomplete = images.filter(({ isIncomplete }) => isIncomplete).length;
  const parts = [
    [blobs.broken.length, 'blob is broken', 'blobs are broken'],
    [snapshots?.broken.length ?? 0, 'snapshot is broken', 'snapshots are broken'],
    [incomplete, 'image is incomplete', 'images are incomplete'],
  ] as const;
  return joined(
    parts.flatMap(([number, one, many]) =>
      number === 0 ? [] : [`${number} ${number === 1 ? one : many}`],
    ),
  );
}

function brokenBlobText({ kind, digest, expectedBytes, foundBytes, usedBy }: BrokenBlob): string {
  const size = {
    missing: `of ${expectedBytes} bytes`,
    short: `with ${foundBytes} of ${expectedBytes} bytes`,
    corrupt: `of ${expectedBytes} bytes, whose content has another digest`,
  }[kind];
  return `${kind}: ${digest} ${size}${usersText(usedBy)}`;
}

function brokenSnapshotText({ kind, snapshotter, key, folders, usedBy }: BrokenSnapshot): string {
  const what = kind === 'missing' ? 'missing: the' : `without ${joined(folders)}: the`;
  return `${what} snapshot ${key} in ${snapshotter}${usersText(usedBy)}`;
}

function incompleteText({ name, digest }: ImageReport): string {
  return `  incomplete: ${name} (${digest}): no platform of it is there with all layers`;
}

function usersText(usedBy: readonly User[]): string {
  return usedBy.length === 0
    ? ''
    : `; used by ${listed(usedBy, ({ kind, name }) => `${kind} ${name}`)}`;
}

function uncheckedIn({ blobs, snapshots }: StoreReport): readonly Unchecked[] {
  return [...blobs.unchecked, ...(snapshots?.unchecked ?? [])];
}

function removedLines({ removed }: StoreReport): string[] {
  return removed.length === 0 ? [] : [`Removed, so that they are pulled anew: ${joined(removed)}.`];
}

/** The commands that repair the store. */
function remedyLines(report: StoreReport): string[] {
  if (stateOf([report]) !== 'damaged') {
    return [];
  }
  return report.namespace === null ? buildkitdRemedy(report) : containerdRemedy(report);
}

function buildkitdRemedy({ store, blobs, snapshots }: StoreReport): string[] {
  const isOfBuild = ({ usedBy }: BrokenBlob): boolean =>
    usedBy.some(({ kind }) => kind === 'build');
  const isOfCache = !blobs.broken.every(isOfBuild) || (snapshots?.broken ?? []).length > 0;
  return [
    'To repair, before the next build:',
    ...(blobs.broken.some(isOfBuild) ? [`  buildctl --addr ${store} prune-histories`] : []),
    ...(isOfCache ? [`  buildctl --addr ${store} prune`] : []),
    'What is still damaged then: restart buildkitd and run prune and prune-histories again, or start it ' +
      'with an empty state folder.',
  ];
}

function containerdRemedy({ store, namespace, blobs, images }: StoreReport): string[] {
  const ctr = `ctr --address ${store.replace('unix://', '')} --namespace ${namespace}`;
  const damaged = images.filter(({ state }) => state === 'damaged').map(({ name }) => name);
  const unused = blobs.broken.filter(({ usedBy }) => usedBy.length === 0);
  return [
    ...(damaged.length === 0 ? [] : ['To repair, remove the images, and pull them again:']),
    ...damaged.map((name) => `  ${ctr} images rm --sync ${name}`),
    ...(unused.length === 0 ? [] : ['No image uses these blobs. To repair, remove them:']),
    ...unused.map(({ digest }) => `  ${ctr} content rm ${digest}`),
  ];
}

/** What the check can't tell. */
function limitLines(report: StoreReport, digests: boolean): string[] {
  if (stateOf([report]) === 'unknown' || report.blobs.checked === 0) {
    return [];
  }
  return [
    ...(digests ? [] : ['Of each blob the last byte was read: --digests compares all bytes.']),
    ...(report.snapshots === null
      ? [
          "The daemon's snapshots were not checked: its API does not have them, and its state folder " +
            "can't be read from here.",
        ]
      : []),
  ];
}

/** `1 blob`, `1200 blobs` */
function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

/** `a, b and c` */
function joined(parts: readonly string[]): string {
  const last = parts.at(-1) ?? '';
  return parts.length < 2 ? last : `${parts.slice(0, -1).join(', ')} and ${last}`;
}

/** What `verify --json` prints: one object for all stores. */
export function verifyJson(reports: readonly StoreReport[]): string {
  return visibleJson(resultJson(reports));
}

function resultJson(reports: readonly StoreReport[]) {
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

// A log line must fit into a pipe.
const mostInLine = 25;

/** The result as a log line. */
export function verifiedEntry(reports: readonly StoreReport[]): LogEntry {
  const { state, stores, namespace, blobs, snapshots, images, error } = resultJson(reports);
  const brokenBlobs = [...blobs.missing, ...blobs.short, ...blobs.corrupt];
  const damagedImages = images.filter((image) => image.state === 'damaged');
  return {
    level: { whole: 'info', damaged: 'error', unknown: 'warn' }[state] as LogEntry['level'],
    message: reports.map((report) => `${headline(report)}.`).join(' '),
    fields: {
      event: 'verified',
      ...{ state, stores, namespace },
      checkedBlobs: blobs.checked,
      brokenBlobs: brokenBlobs.slice(0, mostInLine).map(({ digest }) => digest),
      brokenSnapshots: snapshots?.broken.slice(0, mostInLine).map(({ key }) => key) ?? null,
      damagedImages: damagedImages.slice(0, mostInLine).map(({ name }) => name),
      error,
    },
  };
}

export function progressEntry(progress: Progress, leftMs: number | null): LogEntry {
  const { store, blobs: checkedBlobs, allBlobs, bytes, allBytes } = progress;
  return {
    level: 'info',
    message: `${progressText(progress, leftMs)}.`,
    fields: {
      event: 'verify-progress',
      ...{ store, checkedBlobs, allBlobs, bytes, allBytes },
      leftMs: rounded(leftMs),
    },
  };
}

/** `120 of 1204 blobs of unix:///… are checked, 1.2 GB of 3.4 GB, about 40s left` */
export function progressText(progress: Progress, leftMs: number | null): string {
  const { store, blobs, allBlobs, bytes, allBytes } = progress;
  const parts = [
    `${blobs} of ${count(allBlobs, 'blob')} of ${store} are checked`,
    ...(bytes === null ? [] : [`${formatBytes(bytes)} of ${formatBytes(allBytes)} are read`]),
    ...(leftMs === null ? [] : [`about ${shortDuration(leftMs)} left`]),
  ];
  return parts.join(', ');
}

export function removalEntry({ name, digest }: ImageReport): LogEntry {
  return {
    level: 'warn',
    message: `Removing the name ${name} of a damaged image (${digest}), so that it is pulled anew.`,
    fields: { event: 'image-removal', name, digest },
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
