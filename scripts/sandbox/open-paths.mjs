// Other users can't reach a checkout, or a Node.js, that is below a closed folder: a home is one.
import { statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * A shell script for mount namespaces of one's own, which makes these folders reachable for everybody: an
 * empty folder covers each closed one above them, and has nothing in it but the given folders.
 */
export function openingScript(folders) {
  const hidden = new Set(folders.filter((folder) => closedAbove(folder) !== undefined));
  const cover = new Set([...hidden].map(closedAbove));
  const inOrder = [...hidden];
  const descriptor = (folder) => inOrder.indexOf(folder) + 3;
  return [
    'true',
    // What is covered is still reached through an open descriptor.
    ...inOrder.map((folder) => `exec ${descriptor(folder)}<${quoted(folder)}`),
    ...[...cover].map((folder) => `mount -t tmpfs -o mode=755 none ${quoted(folder)}`),
    ...inOrder.flatMap((folder) => [
      `(umask 022 && mkdir -p ${quoted(folder)})`,
      `mount --no-canonicalize --rbind /proc/self/fd/${descriptor(folder)} ${quoted(folder)}`,
      `exec ${descriptor(folder)}<&-`,
    ]),
    `cd ${quoted(process.cwd())}`,
  ].join(' && ');
}

/** The first folder on the way to this one that others may not enter. */
function closedAbove(folder) {
  const parent = dirname(folder);
  if (parent === folder) {
    return undefined;
  }
  const isClosed = (statSync(parent).mode & 0o001) === 0;
  return closedAbove(parent) ?? (isClosed ? parent : undefined);
}

function quoted(path) {
  return `'${path.replaceAll("'", `'\\''`)}'`;
}
