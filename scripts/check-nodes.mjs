// Runs the tests of the built product on the oldest Node.js that package.json allows and on the newest
// of each line, each from npm: `node scripts/check-nodes.mjs [version …]`. Prints one line for each.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { delimiter, resolve } from 'node:path';

const nodes = 'node_modules/.cache/nodes';
const lines = ['20', '22', '24', '26'];
const tests = ['test/package', 'test/contract', 'test/cli'];
// What measures, what plays the same programs for longer, and what does not run on this Node.js.
const notCounted = [
  'test/cli/{bench-,faults,scenes}*.test.ts',
  'test/cli/script-cases.test.ts',
  'test/contract/accuracy-wrong.test.ts',
  'test/package/{bundle,dockerfile,examples,prebuild-}*.test.ts',
];

function run(command, args, env = process.env) {
  return spawnSync(command, args, { encoding: 'utf8', env, maxBuffer: 2 ** 28 });
}

/** The oldest that `engines` allows. */
function floor() {
  const { engines } = JSON.parse(readFileSync('package.json', 'utf8'));
  return `${/\d+\.\d+/.exec(engines.node)[0]}.0`;
}

/** Installs a version, or the newest of a line, and returns the folder that it is in. */
function install(version) {
  const name = `node-linux-${process.arch}`;
  const prefix = resolve(nodes, version);
  mkdirSync(prefix, { recursive: true });
  const options = ['--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const args = ['install', `--prefix=${prefix}`, ...options, `${name}@${version}`];
  const { status, stderr } = run('npm', args);
  if (status !== 0) {
    const isMissing = /ETARGET|E404/.test(stderr);
    throw new Error(isMissing ? 'not in the registry' : `can't be installed\n${stderr}`);
  }
  return `${prefix}/node_modules/${name}/bin`;
}

/** Whatever the tests start by the name of node is the one in this folder, too. */
function test(folder, report) {
  rmSync(report, { force: true });
  const vitest = ['node_modules/vitest/vitest.mjs', 'run', ...tests];
  const exclude = notCounted.map((path) => `--exclude=${path}`);
  const { stdout, stderr } = run(
    process.execPath,
    [
      ...['scripts/sandbox.mjs', `${folder}/node`, ...vitest, ...exclude],
      ...['--reporter=json', `--outputFile=${report}`],
    ],
    { ...process.env, PATH: [folder, process.env.PATH].join(delimiter) },
  );
  if (!existsSync(report)) {
    throw new Error(`the tests did not run\n${stdout}${stderr}`);
  }
  return JSON.parse(readFileSync(report, 'utf8'));
}

function failures({ testResults }) {
  return testResults.flatMap(({ name, message, assertionResults }) => {
    const failed = assertionResults.filter(({ status }) => status === 'failed');
    const ofFile = message ? [`  ${name}: ${message}`] : [];
    return [...ofFile, ...failed.map(({ fullName }) => `  ${name}: ${fullName}`)];
  });
}

function check(version) {
  const folder = install(version);
  const report = resolve(nodes, version, 'report.json');
  const begunMs = performance.now();
  const results = test(folder, report);
  const seconds = Math.round((performance.now() - begunMs) / 1000);
  const exact = run(`${folder}/node`, ['--version']).stdout.trim();
  const { numPassedTests, numFailedTests, numPendingTests, success } = results;
  const counts = `${numPassedTests} passed, ${numFailedTests} failed, ${numPendingTests} skipped`;
  if (!success) {
    throw new Error([`${exact}, ${counts}; see ${report}`, ...failures(results)].join('\n'));
  }
  return `${exact}, ${counts}, in ${seconds}s`;
}

const asked = process.argv.slice(2);
for (const version of asked.length > 0 ? asked : [floor(), ...lines]) {
  try {
    console.log(`Node.js ${version}: ${check(version)}`);
  } catch (error) {
    console.log(`Node.js ${version}: ${error.message}`);
    process.exitCode = 1;
  }
}
