// `npm pack` runs this before and after it packs: `absolute` makes the relative links of the pages that the package has
// lead to this version in the repository, since the package has no other pages, and `relative` undoes that.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const { repository, version } = JSON.parse(readFileSync('package.json', 'utf8'));

export const pages = ['README.md', 'CHANGELOG.md'];
export const base = `${repository.url.replace(/^git\+|\.git$/g, '')}/blob/v${version}/`;

export const directions = {
  absolute: (page) => page.replaceAll(/\]\((?![a-z]+:|#)/g, `](${base}`),
  relative: (page) => page.replaceAll(`](${base}`, ']('),
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const rewrite = directions[process.argv[2]];
  for (const path of pages) {
    writeFileSync(path, rewrite(readFileSync(path, 'utf8')));
  }
}
