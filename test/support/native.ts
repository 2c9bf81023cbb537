import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const sources = new URL('native/', import.meta.url);
const built = new URL('../../node_modules/.cache/buildkit-drain-tests/', import.meta.url);

/**
 * The compiler of these programs. tcc is small enough for `npm test`; what it can't compile is for the
 * tests that `npm run check` adds, which have a cc (vitest.config.ts).
 */
const compiler = process.env['CC'] ?? 'tcc';

/** The path of a small C program, or with `-shared` a library, compiled when it is first asked for. */
export function compiled(name: string, ...flags: readonly string[]): string {
  const source = fileURLToPath(new URL(`${name}.c`, sources));
  const command = [compiler, ...flags].join(' ');
  const hash = createHash('sha256').update(readFileSync(source)).update(command);
  const path = fileURLToPath(new URL(`${name}-${hash.digest('hex').slice(0, 16)}`, built));
  if (existsSync(path)) {
    return path;
  }
  mkdirSync(built, { recursive: true });
  // Test files run at the same time: none may find another's half-written program.
  const unfinished = `${path}.${process.pid}`;
  const args = ['-O1', '-Wall', '-Wextra', '-Werror', ...flags, '-o', unfinished, source];
  // Without what `npm run check:memory` preloads: the compiler is not what is checked.
  const env = { PATH: process.env['PATH'] };
  const { status, stderr, error } = spawnSync(compiler, args, { encoding: 'utf8', env });
  if (status !== 0) {
    throw new Error(`${compiler} ${args.join(' ')} failed: ${error?.message ?? stderr}`);
  }
  renameSync(unfinished, path);
  return path;
}
