// Makes a fresh clone ready: npm's packages always, and with `--tests` the Debian packages that the
// tests need. Does nothing where all is in place.
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';

const testTools = {
  cmake: 'cmake',
  'g++': 'g++',
  make: 'make',
  ip: 'iproute2',
  unshare: 'util-linux',
  netstat: 'net-tools',
  openssl: 'openssl',
  '/usr/include/doctest/doctest.h': 'doctest-dev',
};
const lintTools = { 'clang-format-14': 'clang-format-14', 'clang-tidy-14': 'clang-tidy-14' };

function run(command, ...args) {
  const { status } = spawnSync(command, args, { stdio: ['ignore', 2, 2] });
  return status === 0;
}

function fail(message) {
  console.error(`setup: ${message}`);
  process.exit(1);
}

function installNpmPackages() {
  const installed = 'node_modules/.package-lock.json';
  const isFresh =
    existsSync(installed) && statSync(installed).mtimeMs >= statSync('package-lock.json').mtimeMs;
  if (!isFresh && !run('npm', 'ci')) {
    fail('`npm ci` failed: see above.');
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

installNpmPackages();
if (process.argv.includes('--tests')) {
  installDebianPackages(testTools);
}
if (process.argv.includes('--lint')) {
  installDebianPackages(lintTools);
}
