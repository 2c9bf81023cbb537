import { spawnSync } from 'node:child_process';

// As Debian's qemu-user-static registers it: 64-bit, AArch64, a program. F opens qemu at once, and so
// it needs not be in a root that is changed to.
const magic = String.raw`\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00`;
const mask = String.raw`\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff`;
const qemu = '/usr/bin/qemu-aarch64-static';
const registration = `:arm64:M::${magic}:${mask}:${qemu}:F`;

const script = 'mount -t binfmt_misc none /mnt && printf %s "$0" >/mnt/register && exec "$@"';

/**
 * What to put before a command so that the kernel has qemu run programs for arm64, from Linux 6.7 on in
 * a user namespace of the command's own and without a trace outside; null where that is not available.
 */
export function runningArm64(): readonly string[] | null {
  const namespaces = ['unshare', '--user', '--map-root-user', '--mount', '--'];
  const through = [...namespaces, 'sh', '-c', script, registration];
  const [command = '', ...args] = [...through, 'true'];
  return spawnSync(command, args).status === 0 ? through : null;
}
