// Builds the addons that are shipped: `node scripts/prebuild.mjs [--check] <x64|arm64> …`.
// With `--check` it builds them aside and says whether the same bytes are shipped.
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';

/** How each CPU differs from prebuildify's ways. */
const ways = {
  x64: { cmakeJs: [], prebuildify: [] },
  arm64: {
    cmakeJs: ['--arch=arm64', '--CDCMAKE_TOOLCHAIN_FILE=native/aarch64-linux-gnu.cmake'],
    prebuildify: ['--arch=arm64', '--strip-bin=aarch64-linux-gnu-strip'],
  },
};

const args = process.argv.slice(2);
const isCheck = args.includes('--check');
const cpus = args.filter((arg) => arg !== '--check');
const out = isCheck ? 'build-native/prebuild-check' : '.';

function fail(message, exitCode = 1) {
  console.error(`prebuild: ${message}`);
  process.exit(exitCode);
}

function prebuild(cpu) {
  const { cmakeJs, prebuildify } = ways[cpu];
  const build = ['cmake-js', 'rebuild', '--log-level=warn', ...cmakeJs].join(' ');
  // `true` takes node-gyp's place: cmake-js has built it all.
  const options = ['--napi', '--strip', '--name=buildkit-drain', '--node-gyp=true'];
  const { status } = spawnSync(
    'node_modules/.bin/prebuildify',
    [...options, ...prebuildify, `--preinstall=${build}`, `--out=${out}`],
    { stdio: 'inherit' },
  );
  // It would win over prebuilds/, and here even one for another CPU.
  rmSync('build', { recursive: true, force: true });
  if (status !== 0) {
    fail(`the addon for ${cpu} could not be built: see above.`);
  }
}

function check(cpu) {
  const path = `prebuilds/linux-${cpu}/buildkit-drain.node`;
  if (!readFileSync(path).equals(readFileSync(`${out}/${path}`))) {
    fail(
      `${path} is not what its sources give here: ${out}/${path} differs. ` +
        `After a change of native/ run \`npm run prebuild:${cpu}\`; other bytes also come of ` +
        'another compiler than that of Debian 12.',
    );
  }
  console.log(`${path} is what its sources give, byte for byte.`);
}

if (cpus.length === 0 || cpus.some((cpu) => ways[cpu] === undefined)) {
  fail(`expected ${Object.keys(ways).join(' or ')}, received ${cpus.join(' ') || 'nothing'}.`, 2);
}
for (const cpu of cpus) {
  if (cpu === 'x64' && process.arch !== 'x64') {
    const reason = `it is compiled on x64 alone, and this machine is ${process.arch}.`;
    if (!isCheck) {
      fail(`the addon for x64 could not be built: ${reason}`);
    }
    console.log(`prebuilds/linux-x64/buildkit-drain.node is not checked here: ${reason}`);
    continue;
  }
  prebuild(cpu);
  if (isCheck) {
    check(cpu);
  }
}
