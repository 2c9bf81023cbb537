// The files of the folder, each with where it is from, and the licences of them all.
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * A component has a `name`, a `version`, a `licence`, its `texts` by the names that they get in the folder,
 * and for others than ours a `purl`: where scanners look it up (github.com/package-url).
 */
export function createCargo() {
  const files = new Map();
  const components = new Map();

  const nextBuildsState = (component, note) => {
    const key = `${component.name} ${component.version}`;
    const known = components.get(key) ?? { component, notes: [] };
    known.notes.push(note);
    components.set(key, known);
  };

  return {
    components: () => [...components.values()].map(({ component }) => component),
    add(path, content, component, mode = 0o644) {
      files.set(path, { content, mode });
      nextBuildsState(component, path);
    },
    /** Says of files that were added for another component that they contain some of this one. */
    addPart(paths, component) {
      for (const path of paths) {
        nextBuildsState(component, `${path} (parts of it)`);
      }
    },
    /** Adds the licences, and the list of what they are for. */
    addLicences(ownComponent) {
      const texts = [...components.values()].flatMap(({ component }) =>
        Object.entries(component.texts),
      );
      for (const [name, text] of texts) {
        const path = `LICENSES/${name}`;
        if (!files.has(path)) {
          this.add(path, text, ownComponent);
        }
      }
      const list = 'LICENSES/LIST.txt';
      const contents = 'contents.json';
      nextBuildsState(ownComponent, list);
      nextBuildsState(ownComponent, contents);
      files.set(list, { content: Buffer.from(listOf([...components.values()])), mode: 0o644 });
    },
    /** Writes the folder, with the list of its contents, and returns how many bytes that is. */
    write(folder, facts) {
      const sorted = [...files].sort(([one], [other]) => (one < other ? -1 : 1));
      const hashes = sorted.map(([path, { content }]) => [path, sha256(content)]);
      const contents = `${JSON.stringify({ ...facts, files: Object.fromEntries(hashes) }, null, 2)}\n`;
      const all = [...sorted, ['contents.json', { content: contents, mode: 0o644 }]];
      for (const [path, { content, mode }] of all) {
        const target = join(folder, path);
        mkdirSync(dirname(target), { recursive: true });
        writeFileSync(target, content);
        chmodSync(target, mode);
      }
      return all.reduce((bytes, [, { content }]) => bytes + content.length, 0);
    },
  };
}

const heading = `What this folder contains, its authors and its licences.

The texts of the licences themselves are by those who wrote them. The source of the libraries that are
Debian's is at https://snapshot.debian.org, by the package and version named here. They are used as
they are, by way of the loader: to use others, put them in their places.`;

function listOf(known) {
  const sections = known.map(({ component: { name, version, licence, texts }, notes }) => {
    const names = Object.keys(texts).map((text) => `LICENSES/${text}`);
    return [
      `${name} ${version}`,
      `licence: ${licence}`,
      `texts: ${names.join(', ')}`,
      ...notes.sort().map((note) => `  ${note}`),
    ].join('\n');
  });
  return `${[heading, ...sections].join('\n\n')}\n`;
}

function sha256(content) {
  return createHash('sha256').update(content).digest('hex');
}
