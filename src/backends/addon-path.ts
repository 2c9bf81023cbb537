import { existsSync } from 'node:fs';
import Module from 'node:module';
import { basename, dirname, join } from 'node:path';
import { arch } from 'node:process';
import { fileURLToPath } from 'node:url';

const addonName = 'buildkit-drain.node';
const prebuilt = `prebuilds/linux-${arch}/${addonName}`;

// In exactly this form, in which bundlers recognize files to copy to their output.
const shipped: Readonly<Record<string, () => URL>> = {
  x64: () => new URL('../../prebuilds/linux-x64/buildkit-drain.node', import.meta.url),
  arm64: () => new URL('../../prebuilds/linux-arm64/buildkit-drain.node', import.meta.url),
};

/**
 * Finds the addon wherever this code runs: in the package, in the command's own bundle, or in the output of
 * somebody's bundler, with the addon beside it or the package in a node_modules above it. A local build of a
 * package comes before what it ships.
 *
 * @throws Error if there is none.
 */
export function addonPath(): string {
  const file = runningFile();
  for (const path of candidates(file)) {
    if (path !== null) {
      return path;
    }
  }
  throw new Error(`there is none for linux-${arch} in the package or beside ${file}`);
}

/** How to get an addon that `addonPath` finds, and that loads. */
export function remedy(): string {
  const file = runningFile();
  const sources = [ownPackage(file), installedPackage(file)].find(
    (folder) => folder !== null && existsSync(join(folder, 'CMakeLists.txt')),
  );
  return sources === undefined
    ? `to use it, copy the package's folder prebuilds to ${dirname(file)}`
    : `to build it here, run \`npm install cmake-js node-addon-api && npx cmake-js compile -d ${sources}\``;
}

// One at a time, the likely one first: each takes a part of the start.
function* candidates(file: string): Generator<string | null> {
  yield packagedIn(ownPackage(file));
  const url = import.meta.url === undefined ? undefined : shipped[arch]?.();
  if (url instanceof URL && url.protocol === 'file:') {
    yield ifThere(fileURLToPath(url));
  }
  yield ifThere(join(dirname(file), prebuilt));
  const installed = installedPackage(file);
  yield installed === null ? null : packagedIn(installed);
}

/**
 * The addon of a package whose dependencies are installed. node-gyp-build is not imported: an ES module of
 * esbuild's has no `require` for it, and would fail as a whole.
 */
function packagedIn(folder: string): string | null {
  try {
    const load = Module.createRequire(join(folder, 'package.json'));
    const path: string = load('node-gyp-build').resolve(folder);
    // Two folders above a bundle's output there may be another package, with an addon of its own.
    return basename(path) === addonName ? path : null;
  } catch {
    return null;
  }
}

function ifThere(path: string): string | null {
  return existsSync(path) ? path : null;
}

/** The file with this code. */
function runningFile(): string {
  // Some bundlers leave this out of CommonJS, which has a name of its own for it.
  const url: string | undefined = import.meta.url;
  return url === undefined ? __filename : fileURLToPath(url);
}

// Right from src/backends, dist/backends and dist/bin alike.
function ownPackage(file: string): string {
  return join(dirname(file), '../..');
}

function installedPackage(file: string): string | null {
  try {
    return dirname(Module.createRequire(file).resolve('buildkit-drain/package.json'));
  } catch {
    return null;
  }
}
