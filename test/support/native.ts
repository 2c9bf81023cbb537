import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const sources = new URL('native/', import.meta.url);
const built = new URL('../../node_modules/.cache/buildkit-drain-tests/', import.meta.url);

/** The path of a small C program, or with `-shared` a library, compiled when it is first asked for. */
export function compiled(name: string, ...flags: readonly string[]): string {
  const source = fileURLToPath(new URL(`${name}.c`, sources));
  const hash = createHash('sha256').update(readFileSync(source)).update(flags.join(' '));
  const path = fileURLToPath(new URL(`${name}-${hash.digest('hex').slice(0, 16)}`, built));
  if (existsSync(path)) {
    return path;
  }
  mkdirSync(built, { recursive: true });
  // Test files run at the same time: none may find another's half-written program.
  const unfinished = `${path}.${process.pid}`;
  const args = ['-O1', '-Wall', '-Wextra', '-Werror', ...flags, '-o', unfinished, source];
  const { status, stderr, error } = spawnSync('cc', args, { encoding: 'utf8' });
  if (status !== 0) {
    throw new Error(`cc ${args.join(' ')} failed: ${error?.message ?? stderr}`);
  }
  renameSync(unfinished, path);
  return path;
}
