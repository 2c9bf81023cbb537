import type {
  BrokenBlob,
  BrokenSnapshot,
  ImageReport,
  Progress,
  StoreReport,
  Unchecked,
  User,
} from '../../verify/types.ts';
import { stateOf } from '../../verify/types.ts';
import { formatBytes, joined, listed, shortDuration, visible } from '../words.ts';

/** What `verify` prints for people. */
export function verifyText(reports: readonly StoreReport[], digests: boolean): string {
  return reports
    .flatMap((report) => [
      `${headline(report)}.`,
      ...firstLines(report.blobs.broken.map(brokenBlobText)),
      ...firstLines((report.snapshots?.broken ?? []).map(brokenSnapshotText)),
      ...firstLines(report.images.filter(({ isIncomplete }) => isIncomplete).map(incompleteText)),
      ...firstLines(uncheckedIn(report).map(uncheckedText)),
      ...removedLines(report),
      ...remedyLines(report),
      ...limitLines(report, digests),
    ])
    .map((line) => `${visible(line)}\n`)
    .join('');
}

// A store that has lost everything would fill many screens.
const mostLines = 50;

function firstLines(lines: readonly string[]): string[] {
  const rest = lines.length - mostLines;
  const more = rest > 0 ? [`and ${rest} more: --json lists all`] : [];
  return [...lines.slice(0, mostLines), ...more].map((line) => `  ${line}`);
}

/** The state of a store as a sentence without its end. */
export function headline(report: StoreReport): string {
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
  const name = `snapshot ${key} of ${snapshotter}`;
  const text =
    kind === 'missing' ? `missing: the ${name}` : `missing: ${joined(folders)}, the ${name}`;
  return `${text}${usersText(usedBy)}`;
}

function incompleteText({ name, digest }: ImageReport): string {
  return `incomplete: ${name} (${digest}): no platform of it is there with all layers`;
}

function uncheckedText({ name, error }: Unchecked): string {
  return `not checked: ${name}: ${error.message}`;
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
    ...(blobs.broken.some(isOfBuild)
      ? [`  buildctl --addr ${shellWord(store)} prune-histories`]
      : []),
    ...(isOfCache ? [`  buildctl --addr ${shellWord(store)} prune`] : []),
    'What is still damaged then: restart buildkitd and run prune and prune-histories again, or start it ' +
      'with an empty state folder.',
  ];
}

function containerdRemedy({ store, namespace, blobs, images, snapshots }: StoreReport): string[] {
  const socket = store.replace('unix://', '');
  const ctr = `ctr --address ${shellWord(socket)} --namespace ${namespace}`;
  const damaged = images.filter(({ state }) => state === 'damaged').map(({ name }) => name);
  const unused = blobs.broken.filter(({ usedBy }) => usedBy.length === 0);
  return [
    ...(damaged.length === 0 ? [] : ['To repair, remove the images, and pull them again:']),
    ...damaged.map((name) => `  ${ctr} images rm --sync ${shellWord(name)}`),
    ...(unused.length === 0 ? [] : ['No image uses these blobs. To repair, remove them:']),
    ...unused.map(({ digest }) => `  ${ctr} content rm ${digest}`),
    ...(snapshots?.broken.some(({ usedBy }) => usedBy.length === 0)
      ? ['No image uses some of the snapshots. Those of BuildKit are repaired by: buildctl prune']
      : []),
  ];
}

/** A word of a command line. Names of images and sockets may be any text. */
function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
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
          "The daemon's snapshots were not checked: its API does not have them, and those of an OCI worker " +
            "can't be read from here.",
        ]
      : []),
  ];
}

/** `1 blob`, `1200 blobs` */
function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
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
