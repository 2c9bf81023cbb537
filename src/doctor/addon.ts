import { addonPath, loadAddon } from '../backends/native.ts';
import type { AddonFacts } from './types.ts';

/** @throws BackendError that says what to do. */
export function findAddon(): AddonFacts {
  const { sourceHash } = loadAddon();
  return { path: addonPath(), sourceHash };
}
