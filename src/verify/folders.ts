import { randomBytes } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { callError, codeOf, messageOf } from '../grpc/errors.ts';
import type { Containerd, Mount, SnapshotName } from './containerd-api.ts';
import { isStatus } from './content.ts';

// A check that is killed leaves its lease and its view behind. containerd may remove them after this time.
const leaseMs = 600_000;

/** Looks at the folders of snapshots, by read-only views. */
export interface FolderCheck {
  /** containerd's own folder. */
  readonly root: string;
  /** A snapshot's folder if it is missing, else null. @throws BackendError where that can't be told */
  readonly findMissing: (snapshot: SnapshotName) => Promise<string | null>;
  /** Removes what was made for it. */
  readonly close: () => Promise<void>;
}

/**
 * The views are under a lease, which expires by itself.
 *
 * @param aBlob the digest of a blob that the store has a file for. That file shows whether containerd's folders are to be
 * seen from here.
 * @throws BackendError
 */
export async function openFolderCheck(
  containerd: Containerd,
  aBlob: string | null,
): Promise<FolderCheck> {
  const root = await visibleRoot(containerd, aBlob);
  const id = `buildkit-drain-verify-${randomBytes(8).toString('hex')}`;
  // Made when it is needed, since it also makes the namespace where there is none.
  let hasLease = false;
  return {
    root,
    async findMissing({ snapshotter, key }) {
      if (!hasLease) {
        await containerd.createLease(id, new Date(Date.now() + leaseMs));
        hasLease = true;
      }
      const view = { snapshotter, key: id };
      let mounts: readonly Mount[];
      try {
        mounts = await containerd.viewSnapshot(view, key, id);
      } catch (error) {
        return missingParent(error);
      }
      try {
        return await missingFolder(mounts, snapshotter, root);
      } finally {
        await containerd.removeSnapshot(view);
      }
    },
    async close() {
      if (hasLease) {
        await containerd.deleteLease(id);
      }
    },
  };
}

/** containerd's root folder. @throws BackendError where it can't be seen from here */
async function visibleRoot({ contentRoot }: Containerd, aBlob: string | null): Promise<string> {
  const root = await contentRoot();
  const file = `${root}/blobs/${aBlob?.replace(':', '/')}`;
  if (root === null || (aBlob !== null && !(await exists(file)))) {
    throw callError(
      'ERR_FOLDERS_INVISIBLE',
      `containerd's folders can't be seen from here (there is no ${file}): run this where containerd ` +
        'runs, or leave out --snapshots',
    );
  }
  return dirname(root);
}

/** overlayfs looks at the uppermost folder itself, and its error names it. @throws any other error */
function missingParent(error: unknown): string {
  const [, path] = /: stat (\/.*): no such file or directory/.exec(messageOf(error)) ?? [];
  if (isStatus(error, 'UNKNOWN') && path !== undefined) {
    return path;
  }
  throw error;
}

async function missingFolder(
  mounts: readonly Mount[],
  snapshotter: string,
  root: string,
): Promise<string | null> {
  const [folder = ''] = mounts.map(folderOf);
  if (!folder.startsWith(`${root}/`)) {
    throw callError(
      'ERR_FOLDERS_INVISIBLE',
      `the snapshotter ${snapshotter} has no folders below ${root} that could be looked at`,
    );
  }
  return (await exists(folder)) ? null : folder;
}

/** A snapshot's own folder: in an overlay the first one, above those of its parents. */
function folderOf({ source, options }: Mount): string {
  const overlay = /^lowerdir=([^:]*)/;
  return options.map((option) => overlay.exec(option)?.[1]).find(Boolean) ?? source;
}

/** @throws BackendError where that can't be told */
async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(error))) {
      return false;
    }
    throw callError(
      'ERR_FOLDERS_INVISIBLE',
      `${path} can't be looked at: ${messageOf(error)}`,
      error,
    );
  }
}
