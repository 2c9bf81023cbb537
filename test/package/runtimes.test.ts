import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { consumers } from '../support/consumers.ts';
import { type Installed, installPackage } from '../support/installed.ts';
import { bunOnMusl, deno } from '../support/runtimes.ts';

const inWorker = "new (require('node:worker_threads').Worker)(process.argv[1])";

const runtimes: Readonly<Record<string, (folder: string) => readonly string[]>> = {
  'a worker thread': () => [process.execPath, '--eval', inWorker],
  Deno: () => deno,
  Bun: (directory) => bunOnMusl({ directory }),
};

let installed: Installed;
beforeAll(() => {
  installed = installPackage();
  for (const name of ['count.mjs', 'drain.mjs']) {
    cpSync(join(consumers, name), join(installed.folder, name));
  }
}, 120_000);
afterAll(() => installed?.remove());

// What test/runtimes has is for such a machine.
describe.runIf(process.arch === 'x64').each(Object.entries(runtimes))(
  'in %s, the library',
  (name, at) => {
    let program: readonly string[];
    beforeAll(() => {
      const folder = join(installed.folder, name);
      mkdirSync(folder);
      program = at(folder);
    });

    function printedBy(script: string): unknown {
      const [command = '', ...args] = [...program, join(installed.folder, script)];
      const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      return JSON.parse(stdout);
    }

    it('counts by the addon', () => {
      expect(printedBy('count.mjs')).toEqual({
        count: 1,
        backend: 'sock-diag',
        skipped: null,
      });
    });

    it('waits until a client has left, and shows that by a marker', () => {
      expect(printedBy('drain.mjs')).toEqual({
        kind: 'drained',
        isClientGone: true,
        markers: [1, 0],
      });
    });
  },
);
