import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

test.each(['x64', 'arm64'])(
  'the addon that is shipped for %s was built from the sources that are shipped',
  (cpu) => {
    const folder = `${root}prebuilds/linux-${cpu}`;
    expect(readdirSync(folder)).toEqual(['buildkit-drain.node']);
    const [sourceHash, ...others] =
      readFileSync(`${folder}/buildkit-drain.node`, 'latin1').match(
        /(?<![0-9a-f])[0-9a-f]{64}(?=\0)/g,
      ) ?? [];
    expect(others).toEqual([]);
    const expected = execFileSync(process.execPath, [`${root}scripts/native-hash.mjs`], {
      encoding: 'utf8',
    }).trim();
    expect(sourceHash, `It was built from other sources. Run: npm run prebuild:${cpu}`).toBe(
      expected,
    );
  },
);
