import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
// @ts-expect-error It has no types.
import { packPackage } from '../../scripts/release/package.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));

// Below the checkout, so that a build from source finds the build tools of the checkout.
const parent = join(root, 'build');

/** The package's tarball as it is released, and those of its dependencies: the tests have no network. */
export interface Packed {
  readonly own: string;
  readonly dependencies: Readonly<Record<string, string>>;
}

export function packAll(folder: string): Packed {
  // Packing a dependency by force asks for none of the tools that its authors pack it with.
  const packing = ['pack', '--force', '--silent', '--ignore-scripts', '--pack-destination', folder];
  // Prints the name of the file that it makes; with --json, each npm prints something else.
  const pack = (packageFolder: string): string =>
    join(folder, npm(packageFolder, folder, packing).trim());
  const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const packed = Object.keys(dependencies).map((name) => [
    name,
    pack(join(root, 'node_modules', name)),
  ]);
  return { own: packPackage(folder), dependencies: Object.fromEntries(packed) };
}

function npm(cwd: string, folder: string, args: readonly string[], env: object = {}): string {
  return execFileSync('npm', args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    // No fresh machine has what an earlier `npm install` has left in npm's cache.
    env: { ...process.env, ...env, npm_config_cache: join(folder, 'npm-cache') },
  });
}

/** The package, installed from its tarball in an empty folder. */
export interface Installed {
  readonly folder: string;
  readonly packedBytes: number;
  readonly remove: () => void;
}

/** @param env of `npm install`. */
export function installPackage(env: object = {}): Installed {
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, 'package-'));
  const { own, dependencies } = packAll(folder);
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  const words = ['install', '--offline', '--no-audit', '--no-fund'];
  npm(folder, folder, [...words, own, ...Object.values(dependencies)], env);
  return {
    folder,
    packedBytes: statSync(own).size,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
