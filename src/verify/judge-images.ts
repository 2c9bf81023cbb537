import type { Findings } from './check-blobs.ts';
import type { ImageTree } from './image-trees.ts';
import type { ImageSnapshots } from './snapshots.ts';
import type { ImageReport } from './types.ts';

/** Puts together what was found of one image. */
export function judgeImage(
  { image, blobs, platforms }: ImageTree,
  findings: Findings,
  { broken, checkedImages }: ImageSnapshots,
): ImageReport {
  const isOf = (...kinds: readonly string[]): string[] =>
    [...blobs].filter((digest) => kinds.includes(findings.get(digest)?.kind ?? 'not-read'));
  const brokenBlobs = isOf('missing', 'short', 'corrupt');
  const unknownBlobs = isOf('unknown', 'not-read');
  const ofImage = broken.filter(({ usedBy }) => usedBy.some(({ name }) => name === image.name));
  const isUnpacked = platforms.some(({ snapshots }) => snapshots.length > 0);
  // A platform is whole in the metadata with all layers, or once they are unpacked.
  const isIncomplete =
    unknownBlobs.length === 0 &&
    brokenBlobs.length === 0 &&
    !isUnpacked &&
    !platforms.some(({ isListed }) => isListed);
  const isUnknown = unknownBlobs.length > 0 || (isUnpacked && !checkedImages.has(image.name));
  const isDamaged = brokenBlobs.length > 0 || ofImage.length > 0 || isIncomplete;
  return {
    ...image,
    state: isDamaged ? 'damaged' : isUnknown ? 'unknown' : 'whole',
    isIncomplete,
    brokenBlobs,
    brokenSnapshots: ofImage.map(({ key }) => key),
  };
}
