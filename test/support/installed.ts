import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

// Below the checkout, so that a build from source finds the build tools of the checkout.
const parent = join(root, 'build');

/** The package, packed as npm would publish it and installed from that in an empty folder. */
export interface Installed {
  readonly folder: string;
  readonly packedBytes: number;
  readonly remove: () => void;
}

export function installPackage(): Installed {
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, 'package-'));
  const npm = (cwd: string, ...args: readonly string[]): string =>
    execFileSync('npm', args, {
      cwd,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      // No fresh machine has what an earlier `npm install` has left in npm's cache.
      env: { ...process.env, npm_config_cache: join(folder, 'npm-cache') },
    });
  // Packing a dependency by force asks for none of the tools that its authors pack it with.
  const packing = ['pack', '--force', '--silent', '--ignore-scripts', '--pack-destination', folder];
  // Prints the name of the file that it makes; with --json, each npm prints something else.
  const pack = (packageFolder: string): string =>
    join(folder, npm(packageFolder, ...packing).trim());

  // The dependencies come as tarballs too: the tests have no network.
  const own = pack(root);
  const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const others = Object.keys(dependencies).map((name) => pack(join(root, 'node_modules', name)));
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  npm(folder, 'install', '--offline', '--no-audit', '--no-fund', own, ...others);
  return {
    folder,
    packedBytes: statSync(own).size,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
