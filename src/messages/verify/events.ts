import type { ImageReport, Progress, StoreReport } from '../../verify/types.ts';
import { rounded } from '../json.ts';
import type { LogEntry } from '../log/log.ts';
import { resultJson } from './json.ts';
import { headline, progressText } from './text.ts';

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

export function removalEntry({ name, digest }: ImageReport): LogEntry {
  return {
    level: 'warn',
    message: `Removing the name ${name} of a damaged image (${digest}), so that it is pulled anew.`,
    fields: { event: 'image-removal', name, digest },
  };
}
