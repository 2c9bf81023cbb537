// Debian's compilers and libraries for a CPU, the machine's own or another.
import { execFileSync } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';

const triplets = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' };
const dashed = { x64: 'x86-64-linux-gnu', arm64: 'aarch64-linux-gnu' };
const emulated = { x64: 'x86_64', arm64: 'aarch64' };
const debianNames = { x64: 'amd64', arm64: 'arm64' };

/** What has to be there for a CPU, by command or path, and the Debian package that it comes with. */
export function toolsFor(cpu) {
  const triplet = triplets[cpu];
  const isOwn = cpu === process.arch;
  const cross = isOwn ? '' : `-${debianNames[cpu]}-cross`;
  const root = isOwn ? '/usr' : `/usr/${triplet}`;
  const libraries = isOwn ? `/usr/lib/${triplet}` : `${root}/lib`;
  return {
    [`${triplet}-gcc`]: isOwn ? 'gcc' : `gcc-${dashed[cpu]}`,
    ...Object.fromEntries(emulatorFor(cpu).map((emulator) => [emulator, 'qemu-user-static'])),
    [`${root}/include/linux/auxvec.h`]: `linux-libc-dev${cross}`,
    [`${libraries}/libstdc++.so.6`]: `libstdc++6${cross}`,
  };
}

/** What runs a program of the CPU: nothing on the machine's own. */
export function emulatorFor(cpu) {
  return cpu === process.arch ? [] : [`qemu-${emulated[cpu]}-static`];
}

/** Runs one of the CPU's tools, such as `gcc`, and returns what it prints. */
export function runTool(cpu, tool, ...args) {
  return execFileSync(`${triplets[cpu]}-${tool}`, args, {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
  });
}

/** The names of the libraries that a file of the CPU needs. */
export function neededBy(cpu, file) {
  const entries = runTool(cpu, 'readelf', '--dynamic', '--wide', file);
  return [...entries.matchAll(/\(NEEDED\).*\[(.+)\]/g)].map(([, name]) => name);
}

/** The path of a library, and the Debian package that it comes with. */
export function findLibrary(cpu, name) {
  const found = runTool(cpu, 'gcc', `-print-file-name=${name}`).trim();
  if (!existsSync(found) || !found.startsWith('/')) {
    throw new Error(`${triplets[cpu]}-gcc finds no ${name}`);
  }
  const path = realpathSync(found);
  return { path, ...packageOf(path) };
}

// dpkg knows files by the paths that they were packed with, from before /lib was a link to /usr/lib.
function packageOf(path) {
  for (const known of [path, path.replace(/^\/usr/, '')]) {
    try {
      const quiet = { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] };
      const [owner] = execFileSync('dpkg-query', ['--search', known], quiet).split(': ');
      const shown = execFileSync('dpkg-query', ['--show', owner], quiet);
      const [debianPackage, version] = shown.trim().split('\t');
      return { debianPackage: debianPackage.split(':')[0], version };
    } catch {}
  }
  throw new Error(`no Debian package has ${path}`);
}
