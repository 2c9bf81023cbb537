import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What `npm run check` installs, and the programs for it. */
export const consumers = fileURLToPath(new URL('../consumers', import.meta.url));

/** What `count.mjs` prints. */
export interface Counted {
  readonly count: number;
  readonly backend: string;
  readonly skipped: { readonly reason: string } | null;
}

/** Runs a script that counts, in a folder that has nothing to do with it. */
export function countBy(script: string, program: readonly string[] = [process.execPath]): Counted {
  const [command = '', ...args] = [...program, script];
  return JSON.parse(execFileSync(command, args, { cwd: '/', encoding: 'utf8' })) as Counted;
}

export function bundled(bundler: string, format: string, entry: string, folder: string): string {
  const args = [join(consumers, 'bundle.mjs'), bundler, format, entry, folder];
  return execFileSync(process.execPath, args, { encoding: 'utf8', stdio: 'pipe' }).trim();
}
