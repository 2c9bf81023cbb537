import type { Image, SnapshotName } from './containerd-api.ts';
import type { Content } from './content.ts';
import { type ImageDocument, type ReadDocument, readDocument } from './documents.ts';
import type { Blob, BlobFinding, User } from './types.ts';

/** What an image consists of, as far as the store has it. */
export interface ImageTree {
  readonly image: Image;
  /** The blobs that the store lists: indexes, manifests, configs and layers. */
  readonly blobs: ReadonlySet<string>;
  /** The manifests that could be read. */
  readonly platforms: readonly Platform[];
}

/** One manifest of an image. */
interface Platform {
  /** Whether the store lists its config and all of its layers. */
  readonly isListed: boolean;
  /** The snapshots that its layers were unpacked to. */
  readonly snapshots: readonly SnapshotName[];
}

// containerd puts it on the config of an image that was unpacked; the snapshotter's name follows.
const snapshotLabel = 'containerd.io/gc.ref.snapshot.';

/**
 * Follows images from their indexes to their layers. An index may name platforms that were never pulled, and a blob that
 * the store does not list is not looked for: CRI's `discard_unpacked_layers`, and snapshotters that load layers when
 * they are needed, leave layers out on purpose.
 *
 * @param onFinding receives what is found about the documents, which are read whole.
 * @throws BackendError when the store can't be asked any more.
 */
export async function followImages(
  images: readonly Image[],
  listed: ReadonlyMap<string, Blob>,
  content: Content,
  onFinding: (blob: Blob, finding: BlobFinding) => void,
): Promise<readonly ImageTree[]> {
  const documents = new Map<string, ReadDocument>();

  const documentOf = async (blob: Blob): Promise<ReadDocument['document']> => {
    const known = documents.get(blob.digest) ?? (await readDocument(content, blob));
    documents.set(blob.digest, known);
    onFinding(blob, known.finding);
    return known.document;
  };

  const follow = async (image: Image): Promise<ImageTree> => {
    const blobs = new Set<string>();
    const platforms: Platform[] = [];
    const queue = [image.digest];
    for (const digest of queue) {
      const blob = listed.get(digest);
      const document = blob === undefined || blobs.has(digest) ? null : await documentOf(blob);
      if (blob !== undefined) {
        blobs.add(digest);
      }
      if (document?.kind === 'index') {
        document.manifests.forEach((manifest) => void queue.push(manifest));
      } else if (document?.kind === 'manifest') {
        platforms.push(platformOf(document, listed));
        listedParts(document, listed).forEach((part) => void blobs.add(part));
      }
    }
    return { image, blobs, platforms };
  };

  const trees: ImageTree[] = [];
  for (const image of images) {
    trees.push(await follow(image));
  }
  return trees;
}

export function imageUser({ name }: Image): User {
  return { kind: 'image', name };
}

type Manifest = ImageDocument & { readonly kind: 'manifest' };

function listedParts(
  { config, layers }: Manifest,
  listed: ReadonlyMap<string, Blob>,
): readonly string[] {
  return [config, ...layers].filter((digest) => listed.has(digest));
}

function platformOf(manifest: Manifest, listed: ReadonlyMap<string, Blob>): Platform {
  const labels = [...(listed.get(manifest.config)?.labels ?? [])];
  return {
    isListed: listedParts(manifest, listed).length === manifest.layers.length + 1,
    snapshots: labels.flatMap(([label, key]) =>
      label.startsWith(snapshotLabel)
        ? [{ snapshotter: label.slice(snapshotLabel.length), key }]
        : [],
    ),
  };
}
