// Makes npm's package as it is released, from what is built. The relative links of its pages lead to this version in the
// repository, since the package has no other pages. They are rewritten in a copy: `npm pack` in the checkout, with scripts
// before and after it, would leave them rewritten there when it is interrupted.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const { repository, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

export const pages = ['README.md', 'CHANGELOG.md'];
export const base = `${repository.url.replace(/^git\+|\.git$/g, '')}/blob/v${version}/`;

export function withAbsoluteLinks(page) {
  return page.replaceAll(/\]\((?![a-z]+:|#)/g, `](${base}`);
}

/** Returns the path of the tarball. */
export function packPackage(folder) {
  const copy = mkdtempSync(join(tmpdir(), 'buildkit-drain-package-'));
  try {
    execFileSync('tar', ['--extract', '--file', pack(root, copy), '--directory', copy]);
    for (const page of pages) {
      const path = join(copy, 'package', page);
      writeFileSync(path, withAbsoluteLinks(readFileSync(path, 'utf8')));
    }
    return pack(join(copy, 'package'), folder);
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

function pack(packageFolder, folder) {
  const args = ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder];
  const name = execFileSync('npm', args, { cwd: packageFolder, encoding: 'utf8' });
  return join(folder, name.trim());
}
