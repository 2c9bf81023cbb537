// Looks for what the ordinary tests can't see: memory that is used after its end, beyond its end or
// before it is written, undefined behaviour, and what is never given back. By hand: it takes long.
//   npm run check:memory -- [native|sanitized|valgrind …] [test/contract/…]
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { resolve } from 'node:path';
import { compilerFile, findings } from './memory-findings.mjs';

const givenFiles = process.argv.slice(2).filter((each) => each.startsWith('test/'));
const asked = process.argv.slice(2).filter((each) => !each.startsWith('test/'));
const folder = resolve('build-native/memory');
const suppressions = resolve('scripts/valgrind.supp');
const valgrind = [
  ...['valgrind', '--quiet', '--vgdb=no', '--error-limit=no', '--num-callers=30'],
  ...['--leak-check=full', '--show-leak-kinds=definite', '--errors-for-leak-kinds=definite'],
  `--suppressions=${suppressions}`,
];

function run(command, args, env = {}) {
  const { status } = spawnSync(command, args, {
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  return status === 0;
}

function mustRun(command, args) {
  if (!run(command, args)) {
    console.error(`check-memory: this failed: ${command} ${args.join(' ')}`);
    process.exit(1);
  }
}

/** Builds the addon aside. Returns a folder that can stand in the place of `prebuilds`. */
function builtAddon(name, ...options) {
  const out = `${folder}/${name}`;
  mustRun('node_modules/.bin/cmake-js', ['compile', '-O', out, ...options]);
  const prebuilds = `${out}/prebuilds`;
  const shipped = `${prebuilds}/linux-${process.arch}`;
  rmSync(shipped, { recursive: true, force: true });
  mkdirSync(shipped, { recursive: true });
  copyFileSync(`${out}/Release/buildkit-drain.node`, `${shipped}/buildkit-drain.node`);
  return prebuilds;
}

/** A program that starts Node.js under a checker, which reports to `$report`. */
function checkedNode(reports, start) {
  const path = `${reports}-node`;
  const unchecked = `${folder}/shipped`;
  cpSync('prebuilds', `${unchecked}/prebuilds`, { recursive: true });
  writeFileSync(
    path,
    `#!/bin/sh
# Where a test hides /proc, no checker can work.
[ -e /proc/self/maps ] || BUILDKIT_DRAIN_PREBUILD=${unchecked} exec ${process.execPath} "$@"
# Process ids alone are not unique: tests have process namespaces of their own.
report=${reports}/$(cat /proc/sys/kernel/random/uuid)
${start}
`,
  );
  chmodSync(path, 0o755);
  return path;
}

/** Runs test files with this addon for the shipped one, and another Node.js for what they start. */
function runTests({ prebuilds, node, files, env, options }) {
  const these = givenFiles.length > 0 ? givenFiles : files;
  // Processes that are measured have nothing in their environment by which a checker could come.
  const those = ['--exclude=test/cli/bench-*.test.ts', ...options, ...these];
  const command = ['node_modules/.bin/vitest', 'run', ...those];
  const words = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const script = 'mount --bind "$0" prebuilds && exec env "$@"';
  const inSandbox = ['scripts/sandbox.mjs', 'sh', '-c', script, prebuilds, ...words, ...command];
  return run(process.execPath, inSandbox, { CHECKED_NODE: node });
}

/** Each builds something, and then tries that: only this is timed. */
const checks = {
  native() {
    const build = `${folder}/native`;
    mustRun('cmake', ['-S', '.', '-B', build, '-DCMAKE_BUILD_TYPE=RelWithDebInfo']);
    mustRun('cmake', ['--build', build, '-j2']);
    const programs = [
      // Whether a walk is the cheaper look is measured, and under valgrind it is another answer.
      [
        'native/test/native-test',
        '--source-file-exclude=*kernel_tracker_test.cc,*kernel_shared_test.cc',
      ],
      ['native/test/leak-loop', '5000'],
      ['tools/churn/native-churn', 'tracked', '2000'],
      ['tools/churn/native-churn', 'overflow', '2000'],
      ['tools/churn/native-churn', 'no-counter', '2000'],
    ];
    const check = [...valgrind.slice(1), '--error-exitcode=99', '--trace-children=yes'];
    return () =>
      programs
        .map(([program, ...args]) => {
          const command = [`${build}/${program}`, ...args];
          return run(valgrind[0], [...check, '--trace-children-skip=*/ip,*/sh', ...command]);
        })
        .every((isClean) => isClean);
  },

  sanitized(reports) {
    const prebuilds = builtAddon('sanitized', '--CDSANITIZE=ON');
    const common = 'abort_on_error=1:exitcode=0:handle_abort=0:print_stacktrace=1';
    const format = `stack_trace_format='    #%n %p %F %L %M'`;
    const asan = `${common}:detect_stack_use_after_return=1:${format}`;
    const runtime = compilerFile('libasan.so');
    // Leaks are looked for in /proc at the end. What a test has preloaded to make calls fail comes first.
    const node = checkedNode(
      reports,
      `leaks=1 && [ -z "$PROC_MAY_GO" ] || leaks=0
export ASAN_OPTIONS="${asan}:log_path=$report:detect_leaks=$leaks:verify_asan_link_order=0"
export UBSAN_OPTIONS="${common}:${format}:log_path=$report-ubsan"
LD_PRELOAD=\${LD_PRELOAD:+$LD_PRELOAD:}${runtime} exec ${process.execPath} "$@"`,
    );
    // Tests that load the addon themselves run in vitest's own processes.
    const env = {
      TEST_PATIENCE: '5',
      LD_PRELOAD: runtime,
      ASAN_OPTIONS: `${asan}:log_path=${reports}/vitest`,
      UBSAN_OPTIONS: `${common}:${format}:log_path=${reports}/vitest-ubsan`,
    };
    const files = [
      ...['contract', 'cli', 'unit', 'fuzz'].map((name) => `test/${name}`),
      'tools/soak',
    ];
    const options = ['--testTimeout=600000'];
    return () => runTests({ prebuilds, node, files, env, options });
  },

  valgrind(reports) {
    const prebuilds = builtAddon('debug', '--CDCMAKE_CXX_FLAGS=-g');
    const node = checkedNode(
      reports,
      `# valgrind does not start without them.
[ -e /proc/self/fd/1 ] && [ -e /proc/self/fd/2 ] || exec ${process.execPath} "$@"
exec ${valgrind.join(' ')} --smc-check=all-non-file --xml=yes --xml-file=$report.xml \\
  ${process.execPath} "$@"`,
    );
    const files = [
      ...['backends', 'addon', 'sock-diag-watch'].map((name) => `test/contract/${name}`),
      ...['status.test', 'wait-drain'].map((name) => `test/cli/${name}`),
    ];
    const options = ['--testTimeout=600000', '--no-file-parallelism'];
    const env = { TEST_PATIENCE: '20' };
    return () =>
      runTests({ prebuilds, node, files, env, options: [...options, '--maxConcurrency=2'] });
  },
};

const unknown = asked.filter((name) => !(name in checks));
if (unknown.length > 0) {
  const known = Object.keys(checks).join(', ');
  console.error(`check-memory: expected ${known} or files of test/ but received ${unknown[0]}`);
  process.exit(2);
}
const results = (asked.length > 0 ? asked : Object.keys(checks)).map((name) => {
  const reports = `${folder}/${name}-reports`;
  rmSync(reports, { recursive: true, force: true });
  mkdirSync(reports, { recursive: true });
  // Tests have processes of other users.
  chmodSync(reports, 0o1777);
  const tryIt = checks[name](reports);
  const startMs = performance.now();
  const isPassed = tryIt();
  const found = readdirSync(reports).flatMap((file) => findings(`${reports}/${file}`));
  for (const finding of new Set(found)) {
    console.error(finding);
  }
  const seconds = Math.round((performance.now() - startMs) / 1000);
  return { check: name, seconds, tests: isPassed ? 'passed' : 'failed', findings: found.length };
});
console.table(results);
process.exitCode = results.every((each) => each.tests === 'passed' && each.findings === 0) ? 0 : 1;
