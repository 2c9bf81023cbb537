// Gives any bytes to all that reads foreign bytes: npm run fuzz -- [--seconds N] [--seed N]
// The targets of native/fuzz and the properties of test/fuzz share the time by halves.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { buildTargets, corpusOf, foundFor, programOf } from './fuzz-targets.mjs';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
  },
});
const [seconds, seed] = [values.seconds, values.seed].map(Number);
if (!(seconds >= 10) || !Number.isInteger(seed)) {
  console.error('fuzz: expected --seconds of at least 10 and a whole number for --seed');
  process.exit(2);
}

/** What libFuzzer says of a run. */
function report(log) {
  const coverage = (word) => Number(new RegExp(`${word} +cov: (\\d+)`).exec(log)?.[1] ?? 0);
  return {
    executions: Number(/number_of_executed_units: (\d+)/.exec(log)?.[1] ?? 0),
    before: coverage('INITED'),
    after: Math.max(coverage('INITED'), ...[...log.matchAll(/cov: (\d+)/g)].map(([, n]) => +n)),
  };
}

function fuzzNative(target, targetSeconds) {
  const found = foundFor(target);
  mkdirSync(found, { recursive: true });
  const before = readdirSync(found).length;
  const program = programOf(target);
  const { status, stderr } = spawnSync(
    program,
    [
      ...[`-max_total_time=${targetSeconds}`, `-seed=${seed || 1}`, '-max_len=4096', '-timeout=5'],
      ...['-print_final_stats=1', `-artifact_prefix=build-native/crash-${target}-`],
      ...[found, corpusOf(target)],
    ],
    { encoding: 'utf8', maxBuffer: 2 ** 30 },
  );
  const { executions, before: from, after } = report(stderr);
  const news = readdirSync(found).length - before;
  console.log(
    `${target.padEnd(14)} ${String(executions).padStart(10)} executions, ` +
      `coverage ${from} → ${after}, ${news} new inputs`,
  );
  if (status !== 0) {
    const input = /Test unit written to (\S+)/.exec(stderr)?.[1] ?? '<no input was written>';
    console.log(`${stderr.slice(-4000)}\n${target} FAILED. Again: ${program} ${input}`);
  }
  return { executions, isSound: status === 0 };
}

function fuzzTypeScript(shareSeconds) {
  const env = { ...process.env, FUZZ_SECONDS: String(shareSeconds), FUZZ_SEED: String(seed) };
  const vitest = ['node_modules/.bin/vitest', 'run', 'test/fuzz', '--disable-console-intercept'];
  const timeout = `--testTimeout=${(shareSeconds + 60) * 1000}`;
  const command = ['scripts/sandbox.mjs', ...vitest, '--no-file-parallelism', timeout];
  const { status, stdout } = spawnSync(process.execPath, command, {
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 2 ** 30,
  });
  const counts = [...stdout.matchAll(/^(\d+) cases$/gm)].map(([, count]) => Number(count));
  console.log(stdout);
  console.log(`${counts.reduce((sum, count) => sum + count, 0)} cases in all`);
  if (status !== 0) {
    console.log(`test/fuzz FAILED. Again, with the seed and path that are named above:`);
    console.log(`FUZZ_SEED=<seed> FUZZ_PATH=<path> node ${command.join(' ')} -t '<test>'`);
  }
  return status === 0;
}

const targets = buildTargets();
console.log(`seed ${seed}`);
const share = Math.max(1, Math.floor(seconds / 2 / targets.length));
const runs = targets.map((target) => fuzzNative(target, share));
console.log(`${runs.reduce((sum, { executions }) => sum + executions, 0)} executions in all`);
const isSound = fuzzTypeScript(seconds / 2);
process.exit(isSound && runs.every((run) => run.isSound) ? 0 : 1);
