import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { type Bundle, launcherName, listName } from './bundle.ts';

export type Installation =
  | { readonly kind: 'installed' }
  /** This very bundle is there, and whole. */
  | { readonly kind: 'there' }
  /** Something else is there, which is not for us to overwrite. */
  | { readonly kind: 'occupied'; readonly by: 'a file' | 'other files' | 'another buildkit-drain' };

const partName = '.buildkit-drain.part';

/**
 * Copies a bundle to a path, an absolute one, so that it cannot be started before it is complete. What an
 * earlier copy has left that was not finished is completed.
 *
 * @throws what the file system throws.
 */
export function install(bundle: Bundle, target: string): Installation {
  const found = statSync(target, { throwIfNoEntry: false });
  if (found === undefined) {
    return installBeside(bundle, target);
  }
  if (!found.isDirectory()) {
    return { kind: 'occupied', by: 'a file' };
  }
  const names = readdirSync(target);
  if (names.includes(launcherName) && names.includes(listName)) {
    return readFileSync(join(target, listName), 'utf8') === bundle.list
      ? { kind: 'there' }
      : { kind: 'occupied', by: 'another buildkit-drain' };
  }
  const own = new Set([...bundle.files.map((path) => path.split('/', 1)[0]), partName]);
  if (names.includes(launcherName) || names.some((name) => !own.has(name))) {
    return { kind: 'occupied', by: 'other files' };
  }
  fill(bundle, target);
  return { kind: 'installed' };
}

// Longer than the launcher tries where no process may be started.
const startTimeoutMs = 90_000;

/** Starts what is installed at a path, once. @returns why that does not work; null where it does. */
export function tryToStart(target: string): NodeJS.ErrnoException | null {
  const { error, status, signal, stderr } = spawnSync(join(target, launcherName), ['--version'], {
    encoding: 'utf8',
    timeout: startTimeoutMs,
  });
  if (error !== undefined || status === 0) {
    return error ?? null;
  }
  const said = stderr.trim().replace(/^buildkit-drain: /, '');
  return new Error(said || `it ended with ${status ?? signal}`);
}

function installBeside(bundle: Bundle, target: string): Installation {
  mkdirSync(dirname(target), { recursive: true });
  const beside = mkdtempSync(`${target}.part-`);
  try {
    fill(bundle, beside);
    chmodSync(beside, folderMode);
    renameSync(beside, target);
  } catch (error) {
    rmSync(beside, { recursive: true, force: true });
    throw error;
  }
  return { kind: 'installed' };
}

// A folder that something is mounted on can't be replaced, only filled: the launcher comes last.
function fill({ folder, files }: Bundle, target: string): void {
  for (const path of files.filter((each) => each !== launcherName)) {
    makeFolders(target, dirname(path));
    copy(join(folder, path), join(target, path));
  }
  const part = join(target, partName);
  copy(join(folder, launcherName), part);
  renameSync(part, join(target, launcherName));
}

// Whoever runs it may be another user than who copies it.
const folderMode = 0o755;

function makeFolders(target: string, path: string): void {
  if (path === '.' || statSync(join(target, path), { throwIfNoEntry: false })?.isDirectory()) {
    return;
  }
  makeFolders(target, dirname(path));
  mkdirSync(join(target, path));
  chmodSync(join(target, path), folderMode);
}

function copy(from: string, to: string): void {
  copyFileSync(from, to);
  chmodSync(to, statSync(from).mode);
}
