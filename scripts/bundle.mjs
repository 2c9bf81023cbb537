// Makes buildkit-drain-<version>-linux-<cpu>.tar.gz: one folder with the program, Node.js and all
// that it needs, which runs at any path of any image. The same input gives the same bytes.
//   npm run bundle [-- [--cpu x64|arm64] [--out <folder>]]
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createCargo } from './bundle/cargo.mjs';
import { addCodeCache } from './bundle/code-cache.mjs';
import { nodeVersion } from './bundle/node-package.mjs';
import { addProgram } from './bundle/program.mjs';
import { addRuntime } from './bundle/runtime.mjs';
import { sbomOf } from './bundle/sbom.mjs';

// Docker has its own names.
const cpus = { x64: 'x64', amd64: 'x64', arm64: 'arm64' };

const { values } = parseArgs({
  options: {
    cpu: { type: 'string', default: process.arch },
    out: { type: 'string', default: 'out' },
  },
});
const cpu = cpus[values.cpu];
if (cpu === undefined) {
  console.error(`bundle: --cpu: expected x64 or arm64 but received ${JSON.stringify(values.cpu)}`);
  process.exit(2);
}
const out = resolve(values.out);
process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const setup = spawnSync(process.execPath, ['scripts/setup.mjs', `--bundle=${cpu}`], {
  stdio: 'inherit',
});
if (setup.status !== 0) {
  process.exit(1);
}

const description = JSON.parse(readFileSync('package.json', 'utf8'));
const { name, version, license } = description;
const ownComponent = {
  name,
  version,
  licence: license,
  texts: { [`${name}.txt`]: readFileSync('LICENSE') },
};
const cargo = createCargo();
addProgram(cargo, cpu, description, ownComponent);
const loader = addRuntime(cargo, cpu, ownComponent);

const folder = `${out}/${name}`;
const tarball = `${out}/${name}-${version}-linux-${cpu}.tar.gz`;
// The folders' modes are part of the result.
process.umask(0o022);
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const facts = { name, version, cpu, node: nodeVersion };
// The program is run to make the rest.
cargo.write(folder, facts);
await addCodeCache(cargo, cpu, loader, folder, ownComponent);
cargo.addLicences(ownComponent);
const bytes = cargo.write(folder, facts);
const always = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner'];
execFileSync('tar', [
  ...['--create', '--format=gnu', ...always, '--use-compress-program=gzip --no-name'],
  ...['--file', tarball, '--directory', out, name],
]);

writeFileSync(tarball.replace('.tar.gz', '.cdx.json'), sbomOf(ownComponent, cargo.components()));

const megabytes = (size) => `${(size / 1e6).toFixed(1)} MB`;
console.log(`${folder}: ${megabytes(bytes)}, Node.js ${nodeVersion}`);
console.log(`${tarball}: ${megabytes(statSync(tarball).size)}`);
