import { existsSync, readFileSync } from 'node:fs';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';
// @ts-expect-error It has no types.
import { base, pages, withAbsoluteLinks } from '../../scripts/release/package.mjs';

const manifest = JSON.parse(readFileSync('package.json', 'utf8'));

/** The paths of a page's links to its own repository. */
function linksWithin(page: string): string[] {
  return [...page.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)].flatMap(([, link = '']) =>
    link.startsWith('http') && !link.startsWith(base) ? [] : [link.replace(base, '')],
  );
}

describe('package.json', () => {
  it('names the repository alike wherever it does', () => {
    const [, repository] = /^git\+(https:.*)\.git$/.exec(manifest.repository.url) ?? [];
    expect(manifest.homepage).toBe(`${repository}#readme`);
    expect(manifest.bugs).toEqual({ url: `${repository}/issues` });
  });
});

describe.each(pages as string[])('%s', (path) => {
  const page = readFileSync(path, 'utf8');
  const packed: string = withAbsoluteLinks(page);

  it('has only links that lead somewhere from the package, too', () => {
    expect(linksWithin(page).length).toBeGreaterThan(3);
    expect(linksWithin(packed)).toEqual(linksWithin(page));
    expect(linksWithin(packed).filter((link) => !existsSync(link))).toEqual([]);
    expect(packed.split(`](${base}`).length).toBe(linksWithin(page).length + 1);
  });
});

it('a bundle with one function of the library comes without the others', async () => {
  const { metafile } = await build({
    stdin: { contents: "export { parseEndpoint } from './dist/index.js'", resolveDir: '.' },
    ...{ bundle: true, platform: 'node', format: 'esm', write: false, metafile: true },
  });
  const inputs = Object.values(metafile.outputs).flatMap((output) => Object.entries(output.inputs));
  const used = inputs.flatMap(([name, { bytesInOutput }]) => (bytesInOutput > 0 ? [name] : []));
  expect(used).toContain('dist/options/endpoint.js');
  expect(used.filter((name) => /native|procfs|grpc|builds|monitor|smol-toml/.test(name))).toEqual(
    [],
  );
});
