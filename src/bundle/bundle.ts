import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder in which this program was shipped together with a Node.js: scripts/bundle.mjs. */
export interface Bundle {
  readonly folder: string;
  /** The list of its contents, as it stands there: bundles are the same if their lists are. */
  readonly list: string;
  /** The paths of all its files, the list among them. */
  readonly files: readonly string[];
}

/** What starts it, in its folder. */
export const launcherName = 'buildkit-drain';
export const listName = 'contents.json';

// From src/bundle and dist/bin alike.
const folder = fileURLToPath(new URL('../..', import.meta.url));

/** The bundle that this program runs from; null where it is none. @throws what reading throws. */
export function ownBundle(): Bundle | null {
  if (bundledNode() === null) {
    return null;
  }
  const list = readFileSync(join(folder, listName), 'utf8');
  const { files } = JSON.parse(list) as { files: Readonly<Record<string, string>> };
  return { folder, list, files: [...Object.keys(files), listName] };
}

/**
 * The command that runs a script with the bundle's Node.js; null outside of a bundle. There Node.js
 * itself does not know: it was started by the bundle's loader, which it takes for itself.
 */
export function bundledNode(): string | null {
  return existsSync(join(folder, listName)) ? join(folder, 'node') : null;
}
