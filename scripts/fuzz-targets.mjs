import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';

const folder = 'build-native/fuzz';
const prefix = 'fuzz-';

export const programs = `${folder}/native/fuzz`;

/** Builds the targets of native/fuzz, with clang, and returns their names. */
export function buildTargets() {
  const env = { ...process.env, CXX: 'clang++-14' };
  for (const args of [
    ['-S', '.', '-B', folder, '-DFUZZ=ON'],
    ['--build', folder, '-j2'],
  ]) {
    const { status, stdout, stderr } = spawnSync('cmake', args, { env, encoding: 'utf8' });
    if (status !== 0) {
      throw new Error(`cmake ${args.join(' ')} failed:\n${stdout}${stderr}`);
    }
  }
  return readdirSync(programs)
    .filter((name) => name.startsWith(prefix))
    .map((name) => name.slice(prefix.length))
    .sort();
}

export const programOf = (target) => `${programs}/${prefix}${target}`;

/** The inputs that are kept. */
export const corpusOf = (target) => `native/test/corpus/${target}`;

/** Inputs that runs on this machine have found beside. */
export const foundFor = (target) => `build-native/found/${target}`;
