import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

/** A made-up checkout with the scripts of this one. */
export interface Checkout {
  readonly folder: string;
  readonly write: (path: string, text: string) => void;
  /** Puts a shell script in the place of a program, and records its calls. */
  readonly standIn: (name: string, script?: string) => void;
  /** The calls of the stand-ins, in order. */
  readonly calls: () => string[];
  readonly run: (...command: readonly string[]) => {
    code: number | null;
    out: string;
    err: string;
  };
}

const scripts = fileURLToPath(new URL('../../scripts', import.meta.url));

export function makeCheckout(): Checkout {
  const folder = mkdtempSync(join(tmpdir(), 'drain-test-checkout-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  cpSync(scripts, join(folder, 'scripts'), { recursive: true });
  const calls = join(folder, 'calls');
  const env = { PATH: `${folder}/bin:${process.env['PATH']}`, TMPDIR: folder };
  const write = (path: string, text: string) => {
    mkdirSync(join(folder, dirname(path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  return {
    folder,
    write,
    standIn(name, script = '') {
      write(`bin/${name}`, `#!/usr/bin/env bash\necho "${name} $*" >>${calls}\n${script}\n`);
      chmodSync(join(folder, 'bin', name), 0o755);
    },
    calls: () =>
      existsSync(calls)
        ? readFileSync(calls, 'utf8')
            .replaceAll(/\S*\/tmp\.\w+/g, '<temporary>')
            .replaceAll(folder, '<checkout>')
            .trimEnd()
            .split('\n')
        : [],
    run(program = '', ...args) {
      const { status, stdout, stderr } = spawnSync(program, args, {
        cwd: folder,
        env,
        encoding: 'utf8',
      });
      return { code: status, out: stdout, err: stderr };
    },
  };
}
