import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** What scripts/bundle.mjs has made, in a folder of the test's own. */
export interface MadeBundle {
  /** The folder that is shipped. */
  readonly folder: string;
  readonly archive: string;
  /** Makes another copy of the folder, at `buildkit-drain` in a new empty folder, and returns its path. */
  readonly copy: () => string;
  /** Makes an empty folder, which has a copy at this path if one is given. */
  readonly emptyRoot: (path?: string) => string;
  readonly remove: () => void;
}

export function makeBundle(cpu: 'x64' | 'arm64'): MadeBundle {
  // Outside of the checkout, whose node_modules Node.js would find.
  const parent = mkdtempSync(join(tmpdir(), 'drain-test-bundle-'));
  const out = join(parent, 'made');
  succeed(process.execPath, [join(root, 'scripts/bundle.mjs'), '--cpu', cpu, '--out', out]);
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const archive = join(out, `buildkit-drain-${version}-linux-${cpu}.tar.gz`);
  const folder = join(out, 'buildkit-drain');

  const emptyRoot = (path?: string): string => {
    const made = mkdtempSync(join(parent, 'root-'));
    // Other users are to come in.
    succeed('chmod', ['755', made]);
    if (path !== undefined) {
      mkdirSync(join(made, path, '..'), { recursive: true });
      succeed('cp', ['--recursive', '--link', folder, join(made, path)]);
    }
    return made;
  };
  return {
    folder,
    archive,
    copy: () => join(emptyRoot('buildkit-drain'), 'buildkit-drain'),
    emptyRoot,
    remove: () => rmSync(parent, { recursive: true }),
  };
}

function succeed(command: string, args: readonly string[]): void {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) {
    throw new Error(`${command} ${args.join(' ')} ended with ${status}:\n${stdout}${stderr}`);
  }
}
