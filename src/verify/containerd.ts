import type { BackendError } from '../backends/types.ts';
import { asBackendError, callError, messageOf } from '../grpc/errors.ts';
import type { GrpcConnection } from '../grpc/types.ts';
import { checkBlobs, createFindings } from './check-blobs.ts';
import { checkOtherSnapshots } from './compare-folders.ts';
import { type Containerd, openContainerd } from './containerd-api.ts';
import { openFolderCheck } from './folders.ts';
import { followImages, type ImageTree, imageUser } from './image-trees.ts';
import { judgeImage } from './judge-images.ts';
import { checkSnapshots, type ImageSnapshots } from './snapshots.ts';
import type { BrokenSnapshot, Progress, StoreReport, User } from './types.ts';

export interface ContainerdInput {
  readonly connection: GrpcConnection;
  readonly store: string;
  readonly namespace: string;
  readonly digests: boolean;
  /** Whether to look at the folders of snapshots. */
  readonly folders: boolean;
  readonly onProgress: (progress: Progress) => void;
}

/**
 * Checks the images of one namespace, and all other blobs in it. Never rejects: why it could not go on is in the
 * report, with what was found until then.
 */
export async function verifyContainerd(input: ContainerdInput): Promise<StoreReport> {
  const { connection, store, namespace, digests, onProgress } = input;
  const containerd = openContainerd(connection, namespace);
  const { content } = containerd;
  const findings = createFindings();
  let trees: readonly ImageTree[] = [];
  let snapshots: ImageSnapshots = {
    ...{ checked: 0, folders: null, broken: [], unchecked: [] },
    checkedImages: new Set(),
    isOfImage: () => false,
  };
  let error: BackendError | null = null;
  try {
    const images = await containerd.listImages();
    const listed = new Map((await content.list()).map((blob) => [blob.digest, blob]));
    trees = await followImages(images, listed, content, findings.add);
    const blobs = [...listed.values()].filter(({ digest }) => findings.get(digest) === undefined);
    await checkBlobs({ store, content, blobs, digests, onFinding: findings.add, onProgress });
    const aBlob = [...listed.keys()].find((digest) => findings.get(digest)?.kind === 'whole');
    snapshots = await checkAllSnapshots(input, containerd, trees, aBlob ?? null);
    trees = await stillNamed(containerd, trees, (tree) => {
      return judgeImage(tree, findings, snapshots).state === 'damaged';
    });
  } catch (failure) {
    error = asBackendError(failure);
  }
  const usersOf = (digest: string): readonly User[] =>
    trees.filter(({ blobs }) => blobs.has(digest)).map(({ image }) => imageUser(image));
  return {
    ...{ store, namespace, error },
    blobs: findings.report(usersOf),
    images: trees.map((tree) => judgeImage(tree, findings, snapshots)),
    snapshots: { ...snapshots, broken: stillUsed(snapshots.broken, trees) },
    removed: [],
  };
}

async function checkAllSnapshots(
  input: ContainerdInput,
  containerd: Containerd,
  trees: readonly ImageTree[],
  aBlob: string | null,
): Promise<ImageSnapshots> {
  if (!input.folders) {
    return await checkSnapshots(containerd, trees, null);
  }
  const folders = await openFolderCheck(containerd, aBlob);
  try {
    const ofImages = await checkSnapshots(containerd, trees, folders);
    return withOthers(ofImages, folders.root, input.namespace);
  } finally {
    await folders.close();
  }
}

function withOthers(ofImages: ImageSnapshots, root: string, namespace: string): ImageSnapshots {
  const { checked, folders, broken, unchecked, isOfImage } = ofImages;
  try {
    const others = checkOtherSnapshots(root, namespace, isOfImage);
    return {
      ...ofImages,
      checked: checked + others.checked,
      folders: (folders ?? 0) + others.checked,
      broken: [...broken, ...others.broken],
    };
  } catch (error) {
    const message = `the metadata of the snapshotters can't be read: ${messageOf(error)}`;
    const name = 'the snapshots that no image uses';
    return {
      ...ofImages,
      unchecked: [...unchecked, { name, error: callError('ERR_FOLDERS_INVISIBLE', message) }],
    };
  }
}

/** Leaves out damaged images that were removed, or pulled anew, during the check. */
async function stillNamed(
  { getImage }: Containerd,
  trees: readonly ImageTree[],
  isDamaged: (tree: ImageTree) => boolean,
): Promise<readonly ImageTree[]> {
  const still: ImageTree[] = [];
  for (const tree of trees) {
    const { name, digest } = tree.image;
    if (!isDamaged(tree) || (await getImage(name))?.digest === digest) {
      still.push(tree);
    }
  }
  return still;
}

/** Leaves out the broken snapshots of such images. */
function stillUsed(
  broken: readonly BrokenSnapshot[],
  trees: readonly ImageTree[],
): readonly BrokenSnapshot[] {
  const names = new Set(trees.map(({ image }) => image.name));
  return broken.flatMap((snapshot) => {
    const usedBy = snapshot.usedBy.filter(({ name }) => names.has(name));
    const wasUsed = snapshot.usedBy.length > 0;
    return wasUsed && usedBy.length === 0 ? [] : [{ ...snapshot, usedBy }];
  });
}
