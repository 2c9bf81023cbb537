import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundled, consumers, countBy } from '../support/consumers.ts';
import { type Installed, installPackage } from '../support/installed.ts';

/** Whether it copies the addon to its output by itself. */
const bundlers = { esbuild: false, webpack: true, rollup: false, vite: false, ncc: true };
const outputs = Object.entries(bundlers).flatMap(([bundler, copiesAddon]) =>
  ['esm', 'cjs'].map((format) => ({ bundler, format, copiesAddon })),
);

const bySockDiag = { count: 1, backend: 'sock-diag', skipped: null };

let installed: Installed;
let project: string;
// Where no node_modules is above.
let elsewhere: string;

beforeAll(() => {
  installed = installPackage();
  elsewhere = mkdtempSync(join(tmpdir(), 'bundlers-'));
  project = join(elsewhere, 'project');
  cpSync(installed.folder, project, { recursive: true });
  cpSync(join(consumers, 'count.mjs'), join(project, 'count.mjs'));
  // The project has an addon of its own, two folders above each output.
  const addons = join(project, `prebuilds/linux-${process.arch}`);
  mkdirSync(addons, { recursive: true });
  writeFileSync(join(addons, 'other.node'), '');
}, 120_000);

afterAll(() => {
  installed?.remove();
  rmSync(elsewhere, { recursive: true, force: true });
});

describe.each(outputs)('$bundler, as $format', ({ bundler, format, copiesAddon }) => {
  let output: string;
  const entry = (): string => join(project, 'count.mjs');

  it('makes an output that counts, with the package in a node_modules above it', () => {
    const folder = join(project, 'out', `${bundler}-${format}`);
    output = bundled(bundler, format, entry(), folder);
    expect(countBy(output)).toEqual(bySockDiag);
  });

  describe('moved to where the package is not', () => {
    let moved: string;
    beforeAll(() => {
      moved = output.replace(join(project, 'out'), elsewhere);
      cpSync(dirname(output), dirname(moved), { recursive: true });
      // Some bundlers write the path of a source file into their output.
      renameSync(project, `${project}-gone`);
    });
    afterAll(() => {
      renameSync(`${project}-gone`, project);
    });

    it(`counts by ${copiesAddon ? 'the addon that was copied' : 'procfs, and says why and what to do'}`, () => {
      const reason =
        `the native addon can't be loaded (there is none for linux-${process.arch} in the package or beside ` +
        `${moved}); to use it, copy the package's folder prebuilds to ${dirname(moved)}`;
      const byProcfs = {
        count: 1,
        backend: 'procfs',
        skipped: { backend: 'sock-diag', reason },
      };
      expect(countBy(moved)).toEqual(copiesAddon ? bySockDiag : byProcfs);
    });

    it('counts by the addon in a folder prebuilds beside it', () => {
      const prebuilds = `${project}-gone/node_modules/buildkit-drain/prebuilds`;
      cpSync(prebuilds, join(dirname(moved), 'prebuilds'), { recursive: true });
      expect(countBy(moved)).toEqual(bySockDiag);
    });
  });
});
