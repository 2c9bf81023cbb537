// What starts and runs the program: the launchers, Node.js, its loader and its libraries.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fetchNode, nodeVersion } from './node-package.mjs';
import { findLibrary, neededBy, runTool } from './toolchain.mjs';

const launcherSource = fileURLToPath(new URL('../../native/launcher/launcher.c', import.meta.url));

// Freestanding, and a few kB: no libc, no tables for unwinding, no padding to whole pages.
const launcherFlags = [
  ...['-std=c11', '-Os', '-Wall', '-Wextra', '-Wconversion', '-Wshadow', '-Werror'],
  ...['-ffreestanding', '-fno-builtin', '-fno-tree-loop-distribute-patterns'],
  ...['-fno-stack-protector', '-fno-asynchronous-unwind-tables', '-fno-unwind-tables'],
  ...['-fno-pic', '-no-pie', '-static', '-nostdlib', '-s'],
  ...['-Wl,--build-id=none', '-Wl,-z,noexecstack', '-Wl,-z,noseparate-code'],
];

const common = '/usr/share/common-licenses';

// The licences that cover the libraries' code, and the texts that Debian has of them.
const libraryLicences = {
  glibc: {
    name: 'GNU C Library',
    isOf: /^libc6/,
    licence: 'LGPL-2.1-or-later',
    texts: { 'LGPL-2.1.txt': `${common}/LGPL-2.1` },
  },
  gcc: {
    name: 'GCC runtime libraries',
    isOf: /^(libstdc\+\+6|libgcc-s1)/,
    licence: 'GPL-3.0-or-later WITH GCC-exception-3.1',
    texts: { 'GPL-3.txt': `${common}/GPL-3` },
  },
};

// What the launcher starts, and what that starts.
const starter = 'dist/bin/start.cjs';
const program = 'dist/bin/buildkit-drain.cjs';

/** Returns the name of the loader. */
export function addRuntime(cargo, cpu, ownComponent) {
  const folder = mkdtempSync(join(tmpdir(), 'buildkit-drain-node-'));
  try {
    const node = addNode(cargo, cpu, folder);
    const loader = addLibraries(cargo, cpu, node);
    const launchers = {
      'buildkit-drain': [`-DSTARTER="${starter}"`, `-DPROGRAM="${program}"`],
      node: [],
    };
    for (const [path, defines] of Object.entries(launchers)) {
      cargo.add(path, compileLauncher(cpu, loader, defines, folder), ownComponent, 0o755);
    }
    return loader;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function addNode(cargo, cpu, folder) {
  execFileSync('tar', ['--extract', '--file', fetchNode(cpu), '--directory', folder]);
  const [node, license] = ['bin/node', 'LICENSE'].map((name) => `${folder}/package/${name}`);
  const stripped = `${folder}/node-stripped`;
  runTool(cpu, 'strip', '--strip-all', '-o', stripped, node);
  cargo.add(
    'runtime/node',
    readFileSync(stripped),
    {
      name: 'Node.js',
      version: nodeVersion,
      licence: 'MIT, and those of the parts that it names',
      purl: `pkg:generic/node@${nodeVersion}`,
      // By which its vulnerabilities are published.
      cpe: `cpe:2.3:a:nodejs:node.js:${nodeVersion}:*:*:*:*:*:*:*`,
      texts: { 'node.txt': readFileSync(license) },
    },
    0o755,
  );
  return node;
}

/** Adds all that Node.js needs, and what that needs. Returns the name of the loader. */
function addLibraries(cargo, cpu, node) {
  const names = neededBy(cpu, node);
  // It grows while it is walked.
  for (const name of names) {
    const { path, debianPackage, version } = findLibrary(cpu, name);
    names.push(...neededBy(cpu, path).filter((each) => !names.includes(each)));
    const mode = isLoader(name) ? 0o755 : 0o644;
    cargo.add(
      `runtime/${name}`,
      readFileSync(path),
      libraryComponent(debianPackage, version),
      mode,
    );
  }
  return names.find(isLoader);
}

function isLoader(name) {
  return name.startsWith('ld-linux');
}

function libraryComponent(debianPackage, version) {
  const found = Object.entries(libraryLicences).find(([, { isOf }]) => isOf.test(debianPackage));
  if (found === undefined) {
    throw new Error(`the licence of Debian's ${debianPackage} is unknown: add it here`);
  }
  const [key, { name, licence, texts }] = found;
  const paths = { [`${key}.txt`]: `/usr/share/doc/${debianPackage}/copyright`, ...texts };
  return {
    name: `${name}, Debian's ${debianPackage}`,
    version,
    licence,
    purl: `pkg:deb/debian/${[debianPackage, version].map(encodeURIComponent).join('@')}`,
    texts: Object.fromEntries(
      Object.entries(paths).map(([text, path]) => [text, readFileSync(path)]),
    ),
  };
}

/** @param defines of what it starts; none for Node.js alone. */
function compileLauncher(cpu, loader, defines, folder) {
  const output = `${folder}/launcher`;
  const all = [`-DLOADER_NAME="${loader}"`, ...defines];
  runTool(cpu, 'gcc', ...launcherFlags, ...all, launcherSource, '-o', output);
  return readFileSync(output);
}
