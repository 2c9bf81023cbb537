import type { BackendError } from '../backends/types.ts';
import { asBackendError, codeOf } from '../grpc/errors.ts';
import type { Containerd, SnapshotName } from './containerd-api.ts';
import type { FolderCheck } from './folders.ts';
import { type ImageTree, imageUser } from './image-trees.ts';
import type { BrokenSnapshot, SnapshotReport, User } from './types.ts';

/** What is known of the snapshots of images. */
export interface ImageSnapshots extends SnapshotReport {
  readonly isOfImage: (name: SnapshotName) => boolean;
  /** The names of images of which all snapshots were checked. */
  readonly checkedImages: ReadonlySet<string>;
}

interface Finding {
  /** The key of the next one below; empty where there is none, or it is not known. */
  readonly parent: string;
  readonly broken: Pick<BrokenSnapshot, 'kind' | 'folders'> | null;
  /** Why it could not be checked. */
  readonly error: BackendError | null;
}

interface UsedSnapshot extends SnapshotName, Finding {
  readonly images: Map<string, User>;
}

/**
 * Checks that the snapshots of unpacked images are in their snapshotters' metadata: those of all layers, not of the last
 * alone. The native snapshotter copies the files below, so that an image can do without; but no image could be unpacked
 * on a lost one, which stays in the metadata for as long as any image is on top of it.
 *
 * @param folders looks at each snapshot's folder as well; null if only the metadata is asked.
 * @throws BackendError when containerd can't be asked any more.
 */
export async function checkSnapshots(
  { parentOf }: Containerd,
  trees: readonly ImageTree[],
  folders: FolderCheck | null,
): Promise<ImageSnapshots> {
  const find = async (name: SnapshotName): Promise<Finding> => {
    const fine = { parent: '', broken: null, error: null };
    try {
      const parent = await parentOf(name);
      if (parent === null) {
        return { ...fine, broken: { kind: 'missing', folders: [] } };
      }
      const missing = (await folders?.findMissing(name)) ?? null;
      return missing === null
        ? { ...fine, parent }
        : { ...fine, parent, broken: { kind: 'folder-missing', folders: [missing] } };
    } catch (error) {
      return { ...fine, error: ofSnapshot(error) };
    }
  };
  const byId = await usedSnapshots(trees, find);
  const used = [...byId.values()];
  const checked = used.filter(({ error }) => error === null);
  const uncheckedImages = new Set(
    used.flatMap(({ error, images }) => (error === null ? [] : [...images.keys()])),
  );
  return {
    isOfImage: (name) => byId.has(idOf(name)),
    checked: checked.length,
    folders: folders && checked.filter(({ broken }) => broken?.kind !== 'missing').length,
    broken: used.flatMap(({ snapshotter, key, broken, images }) =>
      broken === null ? [] : [{ snapshotter, key, ...broken, usedBy: [...images.values()] }],
    ),
    unchecked: used.flatMap(({ snapshotter, key, error }) =>
      error === null ? [] : [{ name: idOf({ snapshotter, key }), error }],
    ),
    checkedImages: new Set(
      trees.map(({ image }) => image.name).filter((name) => !uncheckedImages.has(name)),
    ),
  };
}

/** Each snapshot once, with the images that use it. */
async function usedSnapshots(
  trees: readonly ImageTree[],
  find: (name: SnapshotName) => Promise<Finding>,
): Promise<ReadonlyMap<string, UsedSnapshot>> {
  const known = new Map<string, UsedSnapshot>();
  for (const { image, platforms } of trees) {
    for (const { snapshotter, key: top } of platforms.flatMap(({ snapshots }) => snapshots)) {
      for (let key = top; key !== ''; ) {
        const name = { snapshotter, key };
        const id = idOf(name);
        const used = known.get(id) ?? { ...name, ...(await find(name)), images: new Map() };
        known.set(id, used);
        // Those below are then known, too.
        key = used.images.has(image.name) ? '' : used.parent;
        used.images.set(image.name, imageUser(image));
      }
    }
  }
  return known;
}

function idOf({ snapshotter, key }: SnapshotName): string {
  return `${snapshotter} ${key}`;
}

/** An error about one snapshot. @throws any other: then the next one can't be asked for either */
function ofSnapshot(error: unknown): BackendError {
  if (['ERR_GRPC_STATUS', 'ERR_FOLDERS_INVISIBLE'].includes(codeOf(error))) {
    return asBackendError(error);
  }
  throw error;
}
