// Makes a fresh clone ready: npm's packages always, with `--tests` what the tests need besides, with
// `--bundle=<cpu>` what a bundle for that CPU is made of, and the Debian packages for `--lint`,
// `--fuzz`, `--memory` and `--prebuilds`. Does nothing where all is in place.
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { fetchNode } from './bundle/node-package.mjs';
import { toolsFor } from './bundle/toolchain.mjs';

const testTools = {
  cmake: 'cmake',
  'g++': 'g++',
  make: 'make',
  ip: 'iproute2',
  unshare: 'util-linux',
  netstat: 'net-tools',
  openssl: 'openssl',
  '/usr/include/doctest/doctest.h': 'doctest-dev',
  '/usr/lib/python3/dist-packages/prometheus_client/parser.py': 'python3-prometheus-client',
  'qemu-aarch64-static': 'qemu-user-static',
};
/** To run, on x64, the addons for arm64 and for musl. */
const runtimeTools = {
  'qemu-aarch64-static': 'qemu-user-static',
  '/usr/aarch64-linux-gnu/lib/libc.so.6': 'libc6-arm64-cross',
  '/usr/aarch64-linux-gnu/lib/libgcc_s.so.1': 'libgcc-s1-arm64-cross',
  '/usr/aarch64-linux-gnu/lib/libstdc++.so.6': 'libstdc++6-arm64-cross',
  '/lib/ld-musl-x86_64.so.1': 'musl',
};
const prebuildTools = {
  cmake: 'cmake',
  'g++': 'g++',
  make: 'make',
  'aarch64-linux-gnu-g++': 'g++-aarch64-linux-gnu',
};
// valgrind reads ld.so's names from the latter.
const memoryTools = { valgrind: 'valgrind', '/usr/lib/debug/.build-id': 'libc6-dbg' };
const lintTools = { 'clang-format-14': 'clang-format-14', 'clang-tidy-14': 'clang-tidy-14' };
// Where Debian 12 has what clang-14 links sanitizers and the fuzzer from.
const processor = { x64: 'x86_64', arm64: 'aarch64' }[process.arch];
const runtime = `/usr/lib/llvm-14/lib/clang/14.0.6/lib/linux/libclang_rt.fuzzer-${processor}.a`;
const fuzzTools = { 'clang++-14': 'clang-14', [runtime]: 'libclang-rt-14-dev' };

function run(command, ...args) {
  const { status } = spawnSync(command, args, { stdio: ['ignore', 2, 2] });
  return status === 0;
}

function fail(message) {
  console.error(`setup: ${message}`);
  process.exit(1);
}

function installNpmPackages(folder, ...options) {
  const installed = `${folder}/node_modules/.package-lock.json`;
  const isFresh =
    existsSync(installed) &&
    statSync(installed).mtimeMs >= statSync(`${folder}/package-lock.json`).mtimeMs;
  if (!isFresh && !run('npm', 'ci', `--prefix=${folder}`, ...options)) {
    fail(`\`npm ci\` failed in ${folder}: see above.`);
  }
}

function isThere(tool) {
  const folders = (process.env.PATH ?? '').split(':');
  return tool.startsWith('/')
    ? existsSync(tool)
    : folders.some((folder) => existsSync(`${folder}/${tool}`));
}

function installDebianPackages(tools) {
  const missing = Object.entries(tools).flatMap(([tool, name]) => (isThere(tool) ? [] : [name]));
  if (missing.length === 0) {
    return;
  }
  const command = `apt-get install -y --no-install-recommends ${missing.join(' ')}`;
  if (process.getuid() !== 0 || !isThere('apt-get')) {
    fail(`these are missing: ${missing.join(', ')}. On Debian, run as root: ${command}`);
  }
  console.error(`setup: ${command}`);
  process.env.DEBIAN_FRONTEND = 'noninteractive';
  if (!run('apt-get', 'update') || !run(...command.split(' '))) {
    fail(`this failed: ${command}`);
  }
}

function prepareBundle(cpu) {
  installDebianPackages(toolsFor(cpu));
  try {
    fetchNode(cpu);
  } catch (error) {
    fail(error.message);
  }
}

installNpmPackages('.');
if (process.argv.includes('--tests')) {
  installDebianPackages(process.arch === 'x64' ? { ...testTools, ...runtimeTools } : testTools);
  if (process.arch === 'x64') {
    // By force, since they are for another CPU and another libc.
    installNpmPackages('test/runtimes', '--force', '--ignore-scripts');
  }
}
if (process.argv.includes('--prebuilds')) {
  installDebianPackages(prebuildTools);
}
for (const cpu of ['x64', 'arm64']) {
  if (process.argv.includes('--tests') || process.argv.includes(`--bundle=${cpu}`)) {
    prepareBundle(cpu);
  }
}
if (process.argv.includes('--memory')) {
  installDebianPackages(memoryTools);
}
if (process.argv.includes('--lint')) {
  installDebianPackages(lintTools);
}
if (process.argv.includes('--fuzz')) {
  installDebianPackages({ ...testTools, ...fuzzTools });
}
