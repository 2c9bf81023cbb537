// Builds dist/: the library as modules with their types, and the command line as one file, since a
// hook starts in the busiest moment and reading many files is what a start costs most.
import { spawnSync } from 'node:child_process';
import { chmodSync, rmSync } from 'node:fs';
import { build } from 'esbuild';

const cli = 'dist/bin/buildkit-drain.cjs';

rmSync('dist', { recursive: true, force: true });
const compiled = spawnSync('node_modules/.bin/tsc', ['-p', 'tsconfig.build.json'], {
  stdio: 'inherit',
});
if (compiled.status !== 0) {
  process.exit(1);
}
await build({
  entryPoints: ['src/cli.ts'],
  outfile: cli,
  bundle: true,
  platform: 'node',
  target: 'node20.17',
  // CommonJS starts faster than a module; it has no import.meta.
  format: 'cjs',
  define: { 'import.meta.url': 'moduleUrl' },
  banner: { js: "const moduleUrl = require('node:url').pathToFileURL(__filename).href;" },
  legalComments: 'inline',
});
chmodSync(cli, 0o755);
