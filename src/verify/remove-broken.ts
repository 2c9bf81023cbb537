import { asBackendError, callError } from '../grpc/errors.ts';
import { type ContainerdInput, verifyContainerd } from './containerd.ts';
import { openContainerd } from './containerd-api.ts';
import { type ImageReport, isChecked, type StoreReport } from './types.ts';

/**
 * Checks a containerd, removes the names of damaged images so that they are pulled anew, and checks again. Removes nothing
 * where anything could not be checked. Never rejects.
 *
 * @param onRemoval called with each image before its name is removed.
 */
export async function removeBroken(
  input: ContainerdInput,
  onRemoval: (image: ImageReport) => void,
): Promise<StoreReport> {
  const found = await verifyContainerd(input);
  const damaged = found.images.filter(({ state }) => state === 'damaged');
  if (!isChecked(found)) {
    const message = 'nothing was removed, since not everything could be checked';
    return { ...found, error: found.error ?? callError('ERR_NOT_REMOVED', message) };
  }
  if (damaged.length === 0) {
    return found;
  }
  const { removeImage } = openContainerd(input.connection, input.namespace);
  const removed: string[] = [];
  try {
    for (const image of damaged) {
      onRemoval(image);
      await removeImage(image.name);
      removed.push(image.name);
    }
  } catch (error) {
    return { ...found, removed, error: asBackendError(error) };
  }
  return { ...(await verifyContainerd(input)), removed };
}
