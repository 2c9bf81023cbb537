import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = `${root}prebuilds/${process.platform}-${process.arch}`;

test('the addon that is shipped was built from the sources that are shipped', () => {
  const [file, ...others] = readdirSync(folder);
  expect(others).toEqual([]);
  const addon = createRequire(import.meta.url)(`${folder}/${file}`) as { sourceHash: string };
  const sourceHash = execFileSync(process.execPath, [`${root}scripts/native-hash.mjs`], {
    encoding: 'utf8',
  }).trim();
  expect(
    addon.sourceHash,
    `${file} was built from other sources. Run: npm run prebuild:${process.arch}`,
  ).toBe(sourceHash);
});
