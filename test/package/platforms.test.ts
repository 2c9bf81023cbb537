import { spawnSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { consumers } from '../support/consumers.ts';
import { type Installed, installPackage } from '../support/installed.ts';

interface Machine {
  readonly platform: string;
  readonly arch: string;
}

/** The environment of a Node.js that takes this machine for another. npm decides by the same two values. */
function pretending(machine: Machine): { NODE_OPTIONS: string } {
  const script = Object.entries(machine).map(
    ([name, value]) => `Object.defineProperty(process,'${name}',{value:'${value}'});`,
  );
  return { NODE_OPTIONS: `--import=data:text/javascript,${script.join('')}` };
}

let installed: Installed;

function installOn(machine: Machine): void {
  beforeAll(() => {
    installed = installPackage(pretending(machine));
    copyFileSync(join(consumers, 'count.mjs'), join(installed.folder, 'count.mjs'));
  }, 120_000);
  afterAll(() => installed?.remove());
}

function runOn(machine: Machine, ...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    ...{ cwd: installed.folder, encoding: 'utf8' },
    env: { ...process.env, ...pretending(machine) },
  });
  return { status, stdout, stderr };
}

const mac = { platform: 'darwin', arch: 'arm64' };

describe('the package, installed on macOS,', () => {
  // npm itself cannot unpack a tarball where it takes Linux for Windows.
  installOn(mac);

  describe.each([mac, { platform: 'win32', arch: 'x64' }])('on $platform', (machine) => {
    const message = `expected Linux, received ${machine.platform}: buildkit-drain asks the Linux kernel, so run it in a Linux container`;

    /** What a call of the library returns, or its error. */
    function resultOf(call: string): unknown {
      const script = `
        import('buildkit-drain').then((library) => library.${call})
          .catch(({ name, code, message }) => ({ name, code, message }))
          .then((result) => console.log(JSON.stringify(result)));`;
      return JSON.parse(runOn(machine, '--eval', script).stdout);
    }

    it('can be imported', () => {
      expect(resultOf("parseEndpoint('tcp://0.0.0.0:1').localPort")).toBe(1);
    });

    it.each([
      'openMonitor()',
      'waitForDrain()',
      "discoverEndpoints('/proc')",
      "countConnections('tcp://127.0.0.1:1')",
      "watchConnections('tcp://127.0.0.1:1')",
      'openBackend()',
    ])('fails to %s, and says what to do', (call) => {
      expect(resultOf(call)).toEqual({ name: 'BackendError', code: 'ERR_PLATFORM', message });
    });

    it.each(['wait', 'status', '--help'])(
      'exits 2 for the command %s, with one sentence',
      (word) => {
        const program = 'node_modules/buildkit-drain/dist/bin/buildkit-drain.cjs';
        expect(runOn(machine, program, word)).toEqual({
          ...{ status: 2, stdout: '', stderr: `buildkit-drain: ${message}.\n` },
        });
      },
    );
  });
});

describe('the package, installed on Linux with a CPU that has no prebuilt addon,', () => {
  const machine = { platform: 'linux', arch: 'riscv64' };
  installOn(machine);

  it('counts by procfs, and says why', () => {
    const why = /\(there is none for linux-riscv64 in the package .*; to build it here, run `/;
    expect(JSON.parse(runOn(machine, 'count.mjs').stdout)).toEqual({
      count: 1,
      backend: 'procfs',
      skipped: { backend: 'sock-diag', reason: expect.stringMatching(why) },
    });
  });
});
