import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { asNobody, hasOtherUsers } from '../support/users.ts';

const scripts = fileURLToPath(new URL('../../scripts', import.meta.url));

/** A home that only its owner may enter. */
function closedHome(): string {
  const home = mkdtempSync(join(tmpdir(), 'drain-test-home-'));
  onTestFinished(() => rmSync(home, { recursive: true }));
  chmodSync(home, 0o700);
  return home;
}

// A user namespace of an unprivileged user has no other users.
it.runIf(hasOtherUsers)(
  'another user runs the checkout and its Node.js, both below a closed home',
  () => {
    const home = closedHome();
    const checkout = join(home, "it's mine/a checkout");
    cpSync(scripts, join(checkout, 'scripts'), { recursive: true });
    writeFileSync(join(checkout, 'program.js'), 'console.log(process.cwd(), process.execPath)');
    const node = join(home, 'versions/20/bin/node');
    mkdirSync(join(node, '..'), { recursive: true });
    copyFileSync(process.execPath, node);

    const command = [...asNobody, node, 'program.js'];
    const { stdout, stderr } = spawnSync(node, ['scripts/sandbox.mjs', ...command], {
      cwd: checkout,
      encoding: 'utf8',
    });
    expect({ stdout, stderr }).toEqual({ stdout: `${checkout} ${node}\n`, stderr: '' });
  },
);

it('the sandbox keeps what is written to the checkout, and takes nothing from its home', () => {
  const home = closedHome();
  const checkout = join(home, 'checkout');
  cpSync(scripts, join(checkout, 'scripts'), { recursive: true });
  writeFileSync(join(home, 'private'), 'outside');
  const command = ['sh', '-c', 'echo made >made && ls ..'];
  const options = { cwd: checkout, encoding: 'utf8' } as const;
  const { stdout } = spawnSync(process.execPath, ['scripts/sandbox.mjs', ...command], options);
  expect(stdout).toBe('checkout\n');
  expect(readFileSync(join(checkout, 'made'), 'utf8')).toBe('made\n');
  expect(existsSync(join(home, 'private'))).toBe(true);
});
