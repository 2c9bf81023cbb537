import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { cliPath } from '../support/cli.ts';
import { it } from '../support/test.ts';

it('a wait loads neither the other commands nor what of Node.js is slow to load', async ({
  sandbox,
  daemon,
}) => {
  const { address } = await daemon.listen('tcp://127.0.0.1:1234');
  const telling = join(sandbox.directory, 'telling.cjs');
  writeFileSync(
    telling,
    `const called = [];
    const { toISOString } = Date.prototype;
    Date.prototype.toISOString = function () {
      called.push('the time zones of ICU');
      return toISOString.call(this);
    };
    process.on('exit', () => {
      const loaded = [...process.moduleLoadList, ...Object.keys(require.cache), ...called];
      require('node:fs').writeSync(1, JSON.stringify(loaded));
    });`,
  );
  // Of a log that is a socket, as a test's pipes are, it would need node:net.
  const log = join(sandbox.directory, 'log');
  const wait = ['wait', '--addr', address, '--builds=off', '--timeout=50ms', '--log-to', log];
  const node = [process.execPath, '--require', telling, cliPath];
  const { code, stdout } = await (await sandbox.start([...node, ...wait])).ended;
  expect(code).toBe(3);
  const loaded = JSON.parse(stdout) as string[];
  expect(loaded).toContain('NativeModule fs');
  expect(loaded).toContain(cliPath);
  const slow =
    /^NativeModule (net|crypto|stream|perf_hooks|child_process|http2|https)$|(commands|own-pod)\.cjs$|^the time zones of ICU$/;
  expect(loaded.filter((name) => slow.test(name))).toEqual([]);
  // What `verify` asks is in another file.
  expect(readFileSync(cliPath, 'utf8')).not.toContain('containerd.services');
});

// A bundler may leave out a file that nothing is imported from.
it('a wait brings along what an older Node.js lacks', async ({ sandbox, daemon }) => {
  const { address } = await daemon.listen('tcp://127.0.0.1:1234');
  const older = join(sandbox.directory, 'older.cjs');
  writeFileSync(
    older,
    `delete Array.prototype.findLast;
    delete Array.prototype.toSorted;
    process.on('exit', () => {
      require('node:fs').writeSync(1, [[].findLast, [].toSorted].map((each) => typeof each).join());
    });`,
  );
  const wait = ['wait', '--addr', address, '--builds=off', '--quiet-period=50ms'];
  const node = [process.execPath, '--require', older, cliPath];
  const { code, stdout } = await (await sandbox.start([...node, ...wait])).ended;
  expect([code, stdout]).toEqual([0, 'function,function']);
});
