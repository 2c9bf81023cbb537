// Runs test/real, with the real programs that the environment names. docs/real-daemon.md says where to get
// them, and what each is for.
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';

const needed = ['BUILDKITD', 'BUILDCTL'];
const optional = {
  BUILDKITD_UNSTAMPED: 'a daemon without a version',
  BUILDX: 'a bake with two targets',
  ROOTLESSKIT: 'a rootless daemon below run',
  CONTAINERD: 'a build by the containerd worker, and verify on its store',
};

const say = (text) => console.error(`test:real: ${text}`);

function fail(text) {
  say(text);
  process.exit(1);
}

function run(...command) {
  const { status } = spawnSync(command[0], command.slice(1), { stdio: 'inherit' });
  if (status !== 0) {
    process.exit(status ?? 1);
  }
}

const isSet = (name) => Boolean(process.env[name]);

const missing = needed.filter((name) => !isSet(name));
if (missing.length > 0) {
  say(`nothing is run. Not set: ${missing.join(', ')}, which name real programs.`);
  say('docs/real-daemon.md says where to get them.');
  process.exit(0);
}
for (const name of [...needed, ...Object.keys(optional)].filter(isSet)) {
  try {
    accessSync(process.env[name], constants.X_OK);
  } catch (error) {
    fail(`${name} cannot be executed: ${error.message}`);
  }
}
if (process.getuid() !== 0) {
  fail('buildkitd needs root here.');
}
for (const [name, scene] of Object.entries(optional)) {
  if (!isSet(name)) {
    say(`without "${scene}", since ${name} is not set.`);
  }
}
run(process.execPath, 'scripts/setup.mjs', '--tests', '--real');
run('npm', 'run', '--silent', 'build');
const vitest = ['node_modules/.bin/vitest', 'run', '--project=real', '--reporter=verbose'];
run(process.execPath, 'scripts/sandbox.mjs', ...vitest, ...process.argv.slice(2));
