// Adds what this machine's kernel answers to the inputs of the fuzz targets, as far as it reaches what
// the inputs in native/test/corpus do not, with what `npm run fuzz` has found here. As root.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildTargets, corpusOf, foundFor, programOf, programs } from './fuzz-targets.mjs';

const targets = buildTargets();
const recorded = mkdtempSync(join(tmpdir(), 'record-corpus-'));

function run(command, ...args) {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) {
    throw new Error(`${command} ${args.join(' ')} failed:\n${stderr}`);
  }
}

try {
  run(join(programs, 'record-corpus'), recorded);
  for (const target of targets) {
    const corpus = corpusOf(target);
    mkdirSync(corpus, { recursive: true });
    const before = readdirSync(corpus).length;
    // What a kernel has said comes first, and what was found only where that does not reach.
    for (const source of [join(recorded, target), foundFor(target)].filter(existsSync)) {
      run(programOf(target), '-merge=1', '-use_counters=0', '-max_len=4096', corpus, source);
    }
    console.log(`${target}: ${before} inputs, now ${readdirSync(corpus).length}`);
  }
} finally {
  rmSync(recorded, { recursive: true });
}
