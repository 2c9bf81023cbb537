// Runs the full benchmark, and puts the run into docs/: the tables into benchmarks.md between their
// marks, and the chart and all figures beside it. Options are handed on to the benchmark.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const page = 'docs/benchmarks.md';
const marks = ['<!-- the run: begin -->', '<!-- the run: end -->'];

const folder = mkdtempSync(join(tmpdir(), 'buildkit-drain-bench-'));
const tables = join(folder, 'tables.md');
const files = ['--json=docs/benchmarks.json', '--svg=docs/benchmarks.svg', `--markdown=${tables}`];
const { status } = spawnSync(
  process.execPath,
  ['dist/bin/buildkit-drain.cjs', 'bench', 'cost', ...files, ...process.argv.slice(2)],
  { stdio: 'inherit' },
);
if (status === 0) {
  const text = readFileSync(page, 'utf8');
  const [before, after] = [text.split(marks[0])[0], text.split(marks[1])[1]];
  const run = readFileSync(tables, 'utf8');
  writeFileSync(page, `${before}${marks[0]}\n${run}${marks[1]}${after}`);
}
rmSync(folder, { recursive: true });
process.exitCode = status ?? 1;
