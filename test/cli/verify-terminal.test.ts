import { rmSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { cliPath } from '../support/cli.ts';
import { type Store, startStore } from '../support/content.ts';
import type { Sandbox, SandboxProcess } from '../support/sandbox.ts';
import { it } from '../support/test.ts';
import { waitFor } from '../support/wait-for.ts';

const unix = 'unix:///run/buildkitd.sock';
// The cursor to the first column, and the rest of the line away.
const clearLine = '\r\u001b[K';
const [unwrapped, wrapped] = ['\u001b[?7l', '\u001b[?7h'];

/** `verify` on a terminal of its own. */
function verifyOn(
  sandbox: Sandbox,
  args: readonly string[] = [],
  columns = 80,
): Promise<SandboxProcess> {
  const tool = [process.execPath, cliPath, 'verify', ...args].join(' ');
  const sized = `stty cols ${columns} rows 24; exec ${tool}`;
  return sandbox.start(['script', '--quiet', '--return', '--command', sized, '/dev/null']);
}

/** A store with a missing blob, and one whose 20 GB arrive byte by byte. */
async function slowStore(sandbox: Sandbox): Promise<Store> {
  const store = await startStore(sandbox);
  const [lost = '', slow = ''] = await store.add('one', 'two');
  rmSync(store.pathOf(lost));
  await store.announce({ digest: slow, size: String(20e9) });
  await store.doom(slow, 'arrives byte by byte');
  return store;
}

describe.concurrent('verify on a terminal', () => {
  it('shows how far it is in one line, and then the result', async ({ sandbox }) => {
    const { buildkitd } = await slowStore(sandbox);
    await buildkitd.listen(unix);
    const verify = await verifyOn(sandbox, ['--digests']);
    const shown =
      /1 of 2 blobs of unix:\S+ are checked, \d+ B of 20 GB are read, about \d+h\S* left/;
    await waitFor('the time left', () => shown.test(verify.stdout()));
    verify.send('\u0003');
    const { code, stdout } = await verify.ended;
    expect(code).toBe(130);
    const [before = '', ...lines] = stdout.split(clearLine);
    const [result, ...redrawn] = lines.reverse();
    expect(before.replaceAll('^C', '')).toBe('');
    expect(redrawn.length).toBeGreaterThan(5);
    expect(redrawn.join('')).not.toContain('\n');
    expect(result).toMatch(
      /^Damaged: 1 blob .* the check could not go on: interrupted by SIGINT\./,
    );
    expect(result).toContain('  missing: sha256:');
    expect(stdout).not.toContain('"event"');
  });

  it('cuts that line where the terminal is narrow', async ({ sandbox }) => {
    const { buildkitd } = await slowStore(sandbox);
    await buildkitd.listen(unix);
    const verify = await verifyOn(sandbox, ['--digests'], 40);
    await waitFor('a line', () => verify.stdout().includes(' are read'));
    verify.send('\u0003');
    const { stdout } = await verify.ended;
    const drawn = stdout.split(clearLine).filter((text) => text.includes(' are read'));
    // Wrapping is off meanwhile.
    expect(drawn.filter((text) => !text.startsWith(unwrapped))).toEqual([]);
    expect(drawn.filter((text) => !text.replace('^C', '').endsWith(wrapped))).toEqual([]);
  });

  it('shows no control characters that a socket has in its name', async ({ sandbox }) => {
    const { buildkitd } = await slowStore(sandbox);
    await buildkitd.listen('unix:///run/odd\u001b[31m\u0085.sock');
    const verify = await verifyOn(sandbox, ['--digests']);
    await waitFor('a line', () => verify.stdout().includes(' are read'));
    verify.send('\u0003');
    const { code, stdout } = await verify.ended;
    expect(code).toBe(130);
    expect(stdout).toContain('/run/odd');
    expect(stdout).not.toContain('\u001b[31m');
    expect(stdout).not.toContain('\u0085');
  });
});
