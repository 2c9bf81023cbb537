// Makes a fresh clone ready: npm's packages always, with `--tests` the Debian packages of `npm test`, with
// `--check` all that `npm run check` needs besides, with `--bundle=<cpu>` what a bundle for that CPU is
// made of, npm's packages for `--lint`, and the Debian packages for `--fuzz`, `--memory`, `--prebuilds`,
// `--real` and `--verify-bench`. Does nothing where all is in place.
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { fetchNode } from './bundle/node-package.mjs';
import { toolsFor } from './bundle/toolchain.mjs';

// Some 60 MB. A compiler as large as g++ is for `--check`.
const testTools = {
  ip: 'iproute2',
  unshare: 'util-linux',
  netstat: 'net-tools',
  openssl: 'openssl',
  tcc: 'tcc',
  '/usr/include/stdio.h': 'libc6-dev',
  '/usr/lib/python3/dist-packages/prometheus_client/parser.py': 'python3-prometheus-client',
};
const nativeTools = {
  cmake: 'cmake',
  'g++': 'g++',
  make: 'make',
  '/usr/include/doctest/doctest.h': 'doctest-dev',
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
const daemonTools = { containerd: 'containerd' };
// The second puts its program where a user's PATH may not lead.
const monitoringTools = { promtool: 'prometheus', '/usr/sbin/haproxy': 'haproxy' };
/** Packages that start a service, now and at each boot. */
const services = ['containerd', 'prometheus', 'haproxy'];
/** To run builds, and what they are made of: a root file system of one program. */
const buildTools = { runc: 'runc', '/bin/busybox': 'busybox-static' };
const timingTools = { '/usr/bin/time': 'time' };
// valgrind reads ld.so's names from the latter.
const memoryTools = { valgrind: 'valgrind', '/usr/lib/debug/.build-id': 'libc6-dbg' };
const lintTools = {
  'clang-format-14': 'clang-format-14',
  'clang-tidy-14': 'clang-tidy-14',
  shellcheck: 'shellcheck',
};
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
  const options = '--yes --no-install-recommends --option=APT::Keep-Downloaded-Packages=false';
  const command = `apt-get install ${options} ${missing.join(' ')}`;
  if (process.getuid() !== 0 || !isThere('apt-get')) {
    fail(`these are missing: ${missing.join(', ')}. On Debian, run as root: ${command}`);
  }
  console.error(`setup: ${command}`);
  process.env.DEBIAN_FRONTEND = 'noninteractive';
  // Most machines know the packages. Where they don't, or not the newest, this fails at once.
  const install = () => run(...command.split(' '));
  if (!install() && !(run('apt-get', 'update') && install())) {
    fail(`this failed: ${command}`);
  }
  // The tests start their own.
  services.filter((name) => missing.includes(name)).forEach(disableService);
}

function disableService(name) {
  if (existsSync('/run/systemd/system')) {
    run('systemctl', 'disable', '--now', `${name}.service`);
  } else if (existsSync(`/etc/init.d/${name}`)) {
    run(`/etc/init.d/${name}`, 'stop');
    run('update-rc.d', name, 'disable');
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

const isAsked = (...flags) => flags.some((flag) => process.argv.includes(flag));

installNpmPackages('.');
installDebianPackages({
  ...(isAsked('--tests', '--check', '--fuzz') && testTools),
  ...(isAsked('--check', '--fuzz') && { ...nativeTools, ...fuzzTools }),
  ...(isAsked('--check', '--prebuilds') && prebuildTools),
  ...(isAsked('--check') && {
    ...lintTools,
    ...daemonTools,
    ...monitoringTools,
    ...(process.arch === 'x64' && runtimeTools),
  }),
  ...(isAsked('--real') && buildTools),
  ...(isAsked('--memory') && memoryTools),
  ...(isAsked('--verify-bench') && { ...daemonTools, ...timingTools }),
});
if (isAsked('--check', '--lint')) {
  installNpmPackages('tools');
}
if (isAsked('--check')) {
  installNpmPackages('test/consumers', '--ignore-scripts');
}
if (isAsked('--check') && process.arch === 'x64') {
  // By force, since they are for another CPU and another libc.
  installNpmPackages('test/runtimes', '--force', '--ignore-scripts');
}
for (const cpu of ['x64', 'arm64']) {
  if (isAsked('--check', `--bundle=${cpu}`)) {
    prepareBundle(cpu);
  }
}
