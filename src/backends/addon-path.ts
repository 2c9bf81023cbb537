import { existsSync } from 'node:fs';
import Module from 'node:module';
import { arch } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const built = 'build/Release/buildkit-drain.node';
const prebuilt = `prebuilds/linux-${arch()}/buildkit-drain.node`;

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
    if (existsSync(path)) {
      return path;
    }
  }
  throw new Error(`there is none for linux-${arch()} in the package or beside ${file}`);
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

// One at a time: to resolve a package by its name loads Node's module resolver, which takes 8 ms of a start.
function* candidates(file: string): Generator<string> {
  // biome-ignore lint/style/noRestrictedGlobals: For the tests of what is shipped, and not options of the library.
  const { BUILDKIT_DRAIN_PREBUILD: given, PREBUILDS_ONLY: isShippedOnly } = process.env;
  if (given) {
    yield join(given, prebuilt);
  }
  if (!isShippedOnly) {
    yield join(ownPackage(file), built);
  }
  const url = import.meta.url === undefined ? undefined : shipped[arch()]?.();
  if (url instanceof URL && url.protocol === 'file:') {
    yield fileURLToPath(url);
  }
  yield join(dirname(file), prebuilt);
  const installed = installedPackage(file);
  if (installed !== null) {
    yield join(installed, built);
    yield join(installed, prebuilt);
  }
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
