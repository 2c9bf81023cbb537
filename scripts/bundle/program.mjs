// The program itself, as npm's package has it: the built files, what they load, and the addon.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { relative } from 'node:path';

const bin = 'dist/bin';
const starter = new URL('start.cjs', import.meta.url);
const require = createRequire(import.meta.url);

export function addProgram(cargo, cpu, { name, version, license, dependencies }, ownComponent) {
  const files = readdirSync(bin);
  for (const file of files) {
    cargo.add(`${bin}/${file}`, readFileSync(`${bin}/${file}`), ownComponent);
  }
  cargo.add(`${bin}/start.cjs`, readFileSync(starter), ownComponent);
  cargo.add(
    'package.json',
    Buffer.from(`${JSON.stringify({ name, version, license }, null, 2)}\n`),
    ownComponent,
  );
  addAddon(cargo, cpu, ownComponent);
  const inlined = new Map(files.map((file) => [`${bin}/${file}`, inlinedIn(`${bin}/${file}`)]));
  const inlinedNames = new Set([...inlined.values()].flat());
  for (const dependency of new Set([...Object.keys(dependencies), ...inlinedNames])) {
    const component = packageComponent(dependency);
    if (inlinedNames.has(dependency)) {
      const holders = [...inlined].filter(([, names]) => names.includes(dependency));
      cargo.addPart(
        holders.map(([file]) => file),
        component,
      );
    } else {
      addPackage(cargo, dependency, component);
    }
  }
}

function addAddon(cargo, cpu, ownComponent) {
  const addon = `prebuilds/linux-${cpu}/buildkit-drain.node`;
  if (!existsSync(addon)) {
    throw new Error(`${addon} is missing; to build it: npm run prebuild:${cpu}`);
  }
  cargo.add(addon, readFileSync(addon), ownComponent);
  // Its classes are made with these headers, which are code.
  cargo.addPart([addon], packageComponent('node-addon-api'));
}

// esbuild says above each file where it is from.
function inlinedIn(file) {
  const comments = readFileSync(file, 'utf8').matchAll(
    /^\s*\/\/ node_modules\/((@[^/]+\/)?[^/]+)\//gm,
  );
  return [...new Set([...comments].map(([, name]) => name))];
}

/** Adds a package that is loaded at run time: the file that `require` loads, which must be all. */
function addPackage(cargo, name, component) {
  for (const path of [require.resolve(name), `node_modules/${name}/package.json`]) {
    const inside = relative('.', path);
    cargo.add(inside, readFileSync(path), component);
  }
}

function packageComponent(name) {
  const folder = `node_modules/${name}`;
  const { version, license } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'));
  const text = readdirSync(folder).find((file) => /^licen[cs]e(\.\w+)?$/i.test(file));
  if (text === undefined) {
    throw new Error(`${folder} has no text of its licence`);
  }
  return {
    name,
    version,
    licence: license,
    purl: `pkg:npm/${name.replace('@', '%40')}@${version}`,
    texts: { [`${name.replace('/', '-')}.txt`]: readFileSync(`${folder}/${text}`) },
  };
}
