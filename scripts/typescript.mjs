// For `node --import`: lets Node.js 20 run TypeScript, as later versions do by themselves.
import { readFile } from 'node:fs/promises';
import { register } from 'node:module';
import { isMainThread } from 'node:worker_threads';
import { transform } from 'esbuild';

if (isMainThread) {
  register(import.meta.url);
}

export async function load(url, context, next) {
  if (!url.endsWith('.ts')) {
    return next(url, context);
  }
  const { code } = await transform(await readFile(new URL(url)), { loader: 'ts', format: 'esm' });
  return { format: 'module', source: code, shortCircuit: true };
}
