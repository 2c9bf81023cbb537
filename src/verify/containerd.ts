import type { BackendError } from '../backends/types.ts';
import { asBackendError } from '../grpc/errors.ts';
import type { GrpcConnection } from '../grpc/types.ts';
import { checkBlobs, createFindings } from './check-blobs.ts';
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
  };
  let error: BackendError | null = null;
  try {
    const images = await containerd.listImages();
    const listed = new Map((await content.list()).map((blob) => [blob.digest, blob]));
    trees = await followImages(images, listed, content, findings.add);
    const blobs = [...listed.values()].filter(({ digest }) => findings.get(digest) === undefined);
    await checkBlobs({ store, content, blobs, digests, onFinding: findings.add, onProgress });
    const aBlob = [...listed.keys()].find((digest) => findings.get(digest)?.kind === 'whole');
    snapshots = await checkAllSnapshots(containerd, trees, input.folders, aBlob ?? null);
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
  containerd: Containerd,
  trees: readonly ImageTree[],
  looksAtFolders: boolean,
  aBlob: string | null,
): Promise<ImageSnapshots> {
  if (!looksAtFolders) {
    return await checkSnapshots(containerd, trees, null);
  }
  const folders = await openFolderCheck(containerd, aBlob);
  try {
    return await checkSnapshots(containerd, trees, folders);
  } finally {
    await folders.close();
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

function stillUsed(
  broken: readonly BrokenSnapshot[],
  trees: readonly ImageTree[],
): readonly BrokenSnapshot[] {
  const names = new Set(trees.map(({ image }) => image.name));
  return broken.flatMap((snapshot) => {
    const usedBy = snapshot.usedBy.filter(({ name }) => names.has(name));
    return usedBy.length === 0 ? [] : [{ ...snapshot, usedBy }];
  });
}
