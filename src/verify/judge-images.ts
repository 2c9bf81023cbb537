import type { Findings } from './check-blobs.ts';
import type { ImageTree } from './image-trees.ts';
import type { BrokenSnapshot, ImageReport } from './types.ts';

/** Puts together what was found of one image. */
export function judgeImage(
  { image, blobs, platforms }: ImageTree,
  findings: Findings,
  brokenSnapshots: readonly BrokenSnapshot[],
): ImageReport {
  const isOf = (...kinds: readonly string[]): string[] =>
    [...blobs].filter((digest) => kinds.includes(findings.get(digest)?.kind ?? 'not-read'));
  const brokenBlobs = isOf('missing', 'short', 'corrupt');
  const unknownBlobs = isOf('unknown', 'not-read');
  const ofImage = brokenSnapshots.filter(({ usedBy }) =>
    usedBy.some(({ name }) => name === image.name),
  );
  // A platform is whole in the metadata with all layers, or once they are unpacked.
  const isIncomplete =
    unknownBlobs.length === 0 &&
    brokenBlobs.length === 0 &&
    !platforms.some(({ isListed, snapshots }) => isListed || snapshots.length > 0);
  const isDamaged = brokenBlobs.length > 0 || ofImage.length > 0 || isIncomplete;
  return {
    ...image,
    state: isDamaged ? 'damaged' : unknownBlobs.length > 0 ? 'unknown' : 'whole',
    isIncomplete,
    brokenBlobs,
    brokenSnapshots: ofImage.map(({ key }) => key),
  };
}
