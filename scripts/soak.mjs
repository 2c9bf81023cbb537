// Runs tools/soak/main.ts, which is TypeScript, in namespaces of its own.
import { spawnSync } from 'node:child_process';

const program = ['--import', './scripts/typescript.mjs', 'tools/soak/main.ts'];
const { status } = spawnSync(
  process.execPath,
  ['scripts/sandbox.mjs', process.execPath, ...program, ...process.argv.slice(2)],
  { stdio: 'inherit' },
);
process.exit(status ?? 1);
