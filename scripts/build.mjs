// Builds dist/: the library as modules with their types, and the command line as one file, since a
// hook starts in the busiest moment and reading many files is what a start costs most.
import { spawnSync } from 'node:child_process';
import { chmodSync, rmSync } from 'node:fs';
import { build } from 'esbuild';

const outdir = 'dist/bin';
const cli = 'buildkit-drain';

rmSync('dist', { recursive: true, force: true });
const compiled = spawnSync('node_modules/.bin/tsc', ['-p', 'tsconfig.build.json'], {
  stdio: 'inherit',
});
if (compiled.status !== 0) {
  process.exit(1);
}
// commander loads what it would start other programs with, which no command here is: a fifth of all
// that it costs to start.
const withoutPrograms = {
  name: 'without-programs',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:child_process$/ }, ({ importer }) =>
      importer.includes('/node_modules/commander/')
        ? { path: 'no-programs', namespace: 'none' }
        : undefined,
    );
    onLoad({ filter: /.*/, namespace: 'none' }, () => ({ contents: 'module.exports = {};' }));
  },
};

// Most waits come to use these late or never. The first two bring all of Node's streams along, and most daemons have
// no file for the last.
const whenUsed = {
  name: 'when-used',
  setup({ onResolve, onLoad }) {
    const namespace = 'when-used';
    onResolve({ filter: /^((node:)?(net|crypto|os|module)|smol-toml)$/ }, (it) =>
      it.namespace === namespace
        ? { path: it.path, external: true }
        : { path: it.path, namespace, sideEffects: false },
    );
    onLoad({ filter: /.*/, namespace }, async ({ path }) => {
      const whole = (await import(path)).default;
      const names = Object.keys(whole).filter((name) => name !== 'promises');
      const named = names.map((name) => exportWhenUsed(path, name, whole[name]));
      return {
        contents: [...named, `export default ${whenUsedObject(`require('${path}')`)};`].join('\n'),
      };
    });
  },
};

function exportWhenUsed(path, name, value) {
  const it = `require('${path}').${name}`;
  return typeof value === 'function'
    ? `export function ${name}(...args) { return new.target ? new (${it})(...args) : ${it}(...args); }`
    : `export const ${name} = ${whenUsedObject(it)};`;
}

function whenUsedObject(it) {
  return `/* @__PURE__ */ new Proxy({}, { get: (_, key) => ${it}[key] })`;
}

// What a hook that only waits does not need is in files of their own. Within one file, all that such a
// part imports would be wrapped to be run on demand, which costs each start some milliseconds.
const filesApart = {
  'program.ts': 'commands',
  'bench.ts': 'bench',
  'own-pod.ts': 'own-pod',
};
const partsApart = {
  name: 'parts-apart',
  setup({ onResolve }) {
    onResolve({ filter: /\/(program|bench|own-pod)\.ts$/ }, ({ kind, path }) =>
      kind === 'dynamic-import'
        ? { path: `./${filesApart[path.split('/').at(-1)]}.cjs`, external: true }
        : undefined,
    );
  },
};

// The same clock as that of performance.now(), for which Node loads all of node:perf_hooks.
const banner = `const moduleUrl = require('node:url').pathToFileURL(__filename).href;
const monotonicMs = () => { const [s, ns] = process.hrtime(); return s * 1e3 + ns / 1e6; };`;

const common = {
  outdir,
  outExtension: { '.js': '.cjs' },
  bundle: true,
  minifyWhitespace: true,
  minifySyntax: true,
  platform: 'node',
  // Older than `engines`: what is older has to come as far as to say so, and to go on.
  target: 'node16',
  // CommonJS starts faster than a module; it has no import.meta.
  format: 'cjs',
  // Node's own import() would load all that modules need.
  supported: { 'dynamic-import': false },
  define: { 'import.meta.url': 'moduleUrl', 'performance.now': 'monotonicMs' },
  banner: { js: banner },
  plugins: [withoutPrograms, whenUsed, partsApart],
  legalComments: 'inline',
};

// The hook's file, which is read by each start: the program finds the sources of a trace by the map.
await build({
  ...common,
  entryPoints: { [cli]: 'src/cli.ts' },
  minify: true,
  sourcemap: 'linked',
  sourcesContent: false,
});
await build({
  ...common,
  entryPoints: {
    commands: 'src/cli/program.ts',
    bench: 'src/cli/commands/bench.ts',
    'own-pod': 'src/kubernetes/own-pod.ts',
    'bench-helper': 'bench/helper.ts',
  },
});
chmodSync(`${outdir}/${cli}.cjs`, 0o755);
