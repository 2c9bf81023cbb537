import type { BackendError } from '../backends/types.ts';
import { asBackendError } from '../grpc/errors.ts';
import type { GrpcConnection } from '../grpc/types.ts';
import { checkBlobs, createFindings } from './check-blobs.ts';
import { openContent } from './content.ts';
import type { Progress, StoreReport } from './types.ts';

export interface BuildkitdInput {
  readonly connection: GrpcConnection;
  readonly store: string;
  readonly digests: boolean;
  readonly onProgress: (progress: Progress) => void;
}

/** Checks the blobs of a buildkitd. Never rejects: why it could not go on is in the report. */
export async function verifyBuildkitd(input: BuildkitdInput): Promise<StoreReport> {
  const { connection, store, digests, onProgress } = input;
  const content = openContent(connection);
  const findings = createFindings();
  let error: BackendError | null = null;
  try {
    const blobs = await content.list();
    await checkBlobs({ store, content, blobs, digests, onFinding: findings.add, onProgress });
  } catch (failure) {
    error = asBackendError(failure);
  }
  const usersOf = (): readonly string[] => [];
  return {
    ...{ store, namespace: null, error, images: [], snapshots: null, removed: [] },
    blobs: findings.report(usersOf),
  };
}
