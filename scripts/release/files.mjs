// Makes the files of a release: npm's package, the archives for both CPUs with what they are made of, and
// the checksums of all: node scripts/release/files.mjs [folder]
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packPackage } from './package.mjs';

const out = resolve(process.argv[2] ?? 'out/release');
process.chdir(fileURLToPath(new URL('../..', import.meta.url)));

const run = (command, ...args) => execFileSync(command, args, { stdio: ['ignore', 2, 2] });

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
for (const cpu of ['x64', 'arm64']) {
  run(process.execPath, 'scripts/bundle.mjs', '--cpu', cpu, '--out', out);
  // It is in the archive.
  rmSync(`${out}/buildkit-drain`, { recursive: true });
}
packPackage(out);

const sums = readdirSync(out).map((name) => {
  const hash = createHash('sha256').update(readFileSync(`${out}/${name}`));
  return `${hash.digest('hex')}  ${name}\n`;
});
writeFileSync(`${out}/SHA256SUMS`, sums.join(''));
console.log(readdirSync(out).join('\n'));
