// Runs a full benchmark, `cost` or `accuracy`, and updates docs/: the tables between the marks of its page,
// and the other files next to it. Further options are passed on to the benchmark.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const [benchmark, ...options] = process.argv.slice(2);
const pages = {
  cost: { page: 'docs/benchmarks.md', files: { json: 'benchmarks.json', svg: 'benchmarks.svg' } },
  accuracy: { page: 'docs/accuracy.md', files: { json: 'accuracy.json', html: 'accuracy.html' } },
};
const marks = ['<!-- the run: begin -->', '<!-- the run: end -->'];

if (!(benchmark in pages)) {
  console.error(`Expected ${Object.keys(pages).join(' or ')} but received ${benchmark}`);
  process.exit(2);
}
const { page, files } = pages[benchmark];
const folder = mkdtempSync(join(tmpdir(), 'buildkit-drain-bench-'));
const tables = join(folder, 'tables.md');
const written = Object.entries(files).map(([option, file]) => `--${option}=docs/${file}`);
const { status } = spawnSync(
  process.execPath,
  [
    ...['dist/bin/buildkit-drain.cjs', 'bench', benchmark],
    ...[...written, `--markdown=${tables}`, ...options],
  ],
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
