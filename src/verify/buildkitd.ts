import type { BackendError } from '../backends/types.ts';
import { asBackendError } from '../grpc/errors.ts';
import type { GrpcConnection } from '../grpc/types.ts';
import { type BuildsByBlob, readBuildRecords } from './build-records.ts';
import { checkBlobs, createFindings } from './check-blobs.ts';
import { checkWorkerSnapshots } from './compare-folders.ts';
import { openContent } from './content.ts';
import type { Blob, Progress, SnapshotReport, StoreReport, User } from './types.ts';

export interface BuildkitdInput {
  readonly connection: GrpcConnection;
  readonly store: string;
  readonly digests: boolean;
  /** The folder of its state, as a path of this process; null where that is unknown. */
  readonly stateFolder: string | null;
  readonly onProgress: (progress: Progress) => void;
}

// On the manifest and the config of an image that a build was made from: its repository, by registry.
const sourceLabel = 'containerd.io/distribution.source.';

/**
 * Checks the blobs of a buildkitd, and the folders of its snapshots where they can be seen. Never rejects: why it could
 * not go on is in the report, with what was found until then.
 */
export async function verifyBuildkitd(input: BuildkitdInput): Promise<StoreReport> {
  const { connection, store, digests, stateFolder, onProgress } = input;
  const content = openContent(connection);
  const findings = createFindings();
  let listed: ReadonlyMap<string, Blob> = new Map();
  let builds: BuildsByBlob = new Map();
  let snapshots: SnapshotReport | null = null;
  let error: BackendError | null = null;
  try {
    const blobs = await content.list();
    listed = new Map(blobs.map((blob) => [blob.digest, blob]));
    builds = await readBuildRecords(connection);
    await checkBlobs({ store, content, blobs, digests, onFinding: findings.add, onProgress });
    snapshots = stateFolder === null ? null : checkWorkerSnapshots(stateFolder);
  } catch (failure) {
    error = asBackendError(failure);
  }
  const usersOf = (digest: string): readonly User[] => [
    ...sourcesOf(listed.get(digest)).map((name) => ({ kind: 'image' as const, name })),
    ...(builds.get(digest) ?? []).map((name) => ({ kind: 'build' as const, name })),
  ];
  const { report } = findings;
  return {
    ...{ store, namespace: null, error, images: [], removed: [] },
    ...{ blobs: report(usersOf), snapshots },
  };
}

/** `docker.io/library/busybox`, of which there may be several. */
function sourcesOf(blob: Blob | undefined): readonly string[] {
  return [...(blob?.labels ?? [])].flatMap(([label, repositories]) =>
    label.startsWith(sourceLabel)
      ? repositories.split(',').map((name) => `${label.slice(sourceLabel.length)}/${name}`)
      : [],
  );
}
