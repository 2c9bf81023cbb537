// Prints one SHA-256 over everything that the addon is built from. The addon carries it as `sourceHash`, so that a prebuilt
// file made from other sources is noticed. By hand, in the folder above this one:
//   find native/include native/src native/addon CMakeLists.txt -type f | LC_ALL=C sort | xargs sha256sum | sha256sum
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';

const root = new URL('../', import.meta.url);

function sha256(content) {
  return createHash('sha256').update(content).digest('hex');
}

function filesUnder(folder) {
  return readdirSync(new URL(folder, root), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    return entry.isDirectory() ? filesUnder(path) : [path];
  });
}

const paths = ['native/include', 'native/src', 'native/addon'].flatMap(filesUnder);
const lines = [...paths, 'CMakeLists.txt']
  .sort() // No file name here goes beyond ASCII.
  .map((path) => `${sha256(readFileSync(new URL(path, root)))}  ${path}\n`);

process.stdout.write(`${sha256(lines.join(''))}\n`);
