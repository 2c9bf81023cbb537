import type { BackendError } from '../backends/types.ts';
import { asBackendError, codeOf } from '../grpc/errors.ts';
import type { Containerd } from './containerd-api.ts';
import type { FolderCheck } from './folders.ts';
import { type ImageTree, imageUser, type UnpackedSnapshot } from './image-trees.ts';
import type { BrokenSnapshot, SnapshotReport, Unchecked, User } from './types.ts';

interface UsedSnapshot extends UnpackedSnapshot {
  readonly usedBy: readonly User[];
}

/**
 * Checks that the top-level snapshot of each unpacked image is in its snapshotter's metadata.
 *
 * @param folders looks at a snapshot's folders as well; null if only the metadata is asked.
 * @throws BackendError when containerd can't be asked any more.
 */
export async function checkSnapshots(
  { hasSnapshot }: Containerd,
  trees: readonly ImageTree[],
  folders: FolderCheck | null,
): Promise<SnapshotReport> {
  const broken: BrokenSnapshot[] = [];
  const unchecked: Unchecked[] = [];
  const used = usedSnapshots(trees);
  let lookedAt = 0;
  for (const snapshot of used) {
    const { snapshotter, key } = snapshot;
    try {
      if (!(await hasSnapshot(snapshotter, key))) {
        broken.push({ ...snapshot, kind: 'missing', folders: [] });
      } else if (folders !== null) {
        const { count, missing } = await folders.look(snapshot);
        lookedAt += count;
        if (missing.length > 0) {
          broken.push({ ...snapshot, kind: 'folder-missing', folders: missing });
        }
      }
    } catch (error) {
      unchecked.push({ name: `${snapshotter} ${key}`, error: ofSnapshot(error) });
    }
  }
  const checked = used.length - unchecked.length;
  return { checked, folders: folders && lookedAt, broken, unchecked };
}

/** Each snapshot once, with the images that were unpacked to it. */
function usedSnapshots(trees: readonly ImageTree[]): readonly UsedSnapshot[] {
  const users = new Map<string, { snapshot: UnpackedSnapshot; images: Map<string, User> }>();
  for (const { image, platforms } of trees) {
    for (const snapshot of platforms.flatMap(({ snapshots }) => snapshots)) {
      const id = `${snapshot.snapshotter} ${snapshot.key}`;
      const entry = users.get(id) ?? { snapshot, images: new Map() };
      users.set(id, entry);
      entry.images.set(image.name, imageUser(image));
    }
  }
  return [...users.values()].map(({ snapshot, images }) => ({
    ...snapshot,
    usedBy: [...images.values()],
  }));
}

/** An error about one snapshot. @throws any other: then the next one can't be asked for either */
function ofSnapshot(error: unknown): BackendError {
  if (['ERR_GRPC_STATUS', 'ERR_FOLDERS_INVISIBLE'].includes(codeOf(error))) {
    return asBackendError(error);
  }
  throw error;
}
