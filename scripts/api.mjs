// Writes docs/api.md, the reference of the library, and tools/api/buildkit-drain.api.md, a report of its types alone.
// With --check it writes nothing, and fails where one of them is not what the source says.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, rmSync } from 'node:fs';

const made = 'out/api';
const files = {
  'docs/api.md': `${made}/page/api.md`,
  'tools/api/buildkit-drain.api.md': `${made}/report/buildkit-drain.api.md`,
};
const isCheck = process.argv.includes('--check');

function run(command, ...args) {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) {
    console.error(`${stdout}${stderr}api: this failed: ${command} ${args.join(' ')}`);
    process.exit(1);
  }
}

rmSync(made, { recursive: true, force: true });
mkdirSync(`${made}/report`, { recursive: true });
const declarations = `--outDir ${made}/declarations --emitDeclarationOnly`.split(' ');
run('node_modules/.bin/tsc', '-p', 'tsconfig.build.json', ...declarations);
run(
  'tools/node_modules/.bin/api-extractor',
  'run',
  '--local',
  '-c',
  'tools/api/api-extractor.json',
);
run('tools/node_modules/.bin/typedoc', '--options', 'tools/api/typedoc.json');

for (const [file, current] of Object.entries(files)) {
  if (!isCheck) {
    copyFileSync(current, file);
  } else if (spawnSync('diff', ['-u', file, current], { stdio: 'inherit' }).status !== 0) {
    console.error(
      `api: ${file} is not what the source says. \`npm run api\` writes it: commit it if the change is meant.`,
    );
    process.exitCode = 1;
  }
}
