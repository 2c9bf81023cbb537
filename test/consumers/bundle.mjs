// node bundle.mjs <bundler> <esm|cjs> <entry> <folder>: bundles an entry as that bundler's manual says for Node.js,
// with no option for this package, and prints the path of the output.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const [name, format, entry, folder] = process.argv.slice(2);
const isModule = format === 'esm';
const extension = isModule ? 'mjs' : 'cjs';
const file = `main.${extension}`;
const chunks = {
  dir: folder,
  format,
  entryFileNames: file,
  chunkFileNames: `[name].${extension}`,
};

const bundlers = {
  async esbuild() {
    const { build } = await import('esbuild');
    await build({
      ...{ entryPoints: [entry], bundle: true, platform: 'node', format },
      outfile: join(folder, file),
    });
  },

  async webpack() {
    const { default: webpack } = await import('webpack');
    const stats = await new Promise((resolve, reject) => {
      const library = { type: isModule ? 'module' : 'commonjs2' };
      const options = {
        ...{ entry, mode: 'production', target: 'node', experiments: { outputModule: isModule } },
        output: { path: folder, filename: file, library },
      };
      webpack(options, (error, result) => (error ? reject(error) : resolve(result)));
    });
    const { errors, warnings } = stats.toJson();
    if (errors.length + warnings.length > 0) {
      throw new Error(stats.toString());
    }
  },

  async rollup() {
    const { rollup } = await import('rollup');
    const { nodeResolve } = await import('@rollup/plugin-node-resolve');
    const { default: commonjs } = await import('@rollup/plugin-commonjs');
    const plugins = [nodeResolve({ preferBuiltins: true }), commonjs()];
    await (await rollup({ input: entry, plugins })).write(chunks);
  },

  async vite() {
    const { build } = await import('vite');
    await build({
      ...{ configFile: false, logLevel: 'warn', ssr: { noExternal: true } },
      build: {
        ...{ ssr: entry, outDir: folder, emptyOutDir: true },
        rolldownOptions: { output: chunks },
      },
    });
  },

  async ncc() {
    const { default: ncc } = await import('@vercel/ncc');
    const { code, assets } = await ncc(entry, { esm: isModule, cache: false, quiet: true });
    for (const [path, { source }] of [[file, { source: code }], ...Object.entries(assets)]) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), source);
    }
  },
};

await bundlers[name]();
console.log(join(folder, file));
