// Runs a command in network, process and mount namespaces of its own, so that tests may make any
// sockets and processes without meeting, or touching, those of the machine.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { openingScript } from './sandbox/open-paths.mjs';

const [command, ...args] = process.argv.slice(2);
if (command === undefined) {
  console.error('Expected a command: node scripts/sandbox.mjs <command> [arguments]');
  process.exit(2);
}

const isRoot = process.getuid() === 0;
const asUser = isRoot ? [] : ['--map-root-user'];
const namespaces = [
  '--net',
  '--mount',
  '--pid',
  '--cgroup',
  '--fork',
  '--mount-proc',
  '--kill-child',
];

// These variables mark a pod. Tests that run in the pod of a CI behave as outside of one.
const hiding =
  "{ ! grep -qs '^# Kubernetes' /etc/hosts || mount --bind /dev/null /etc/hosts; } && " +
  '{ [ ! -e /var/run/secrets/kubernetes.io ] || mount -t tmpfs none /var/run/secrets; }';

// Tests run the program as other users too. Without root there are no other users in the sandbox.
const nodeFolder = dirname(process.execPath);
const needed = [process.cwd(), nodeFolder, join(nodeFolder, '../lib')].filter(existsSync);
const opening = isRoot ? openingScript(needed) : ':';

// The shell stays as process 1, to reap what tests leave behind.
const script = `ip link set lo up && ${hiding} && ${opening} && "$0" "$@"; exit $?`;
const { status, signal, error } = spawnSync(
  'unshare',
  [...asUser, ...namespaces, 'sh', '-c', script, command, ...args],
  { stdio: 'inherit' },
);
if (error !== undefined) {
  console.error(`sandbox: unshare can't be run (${error.message}); it is in Debian's util-linux`);
}
process.exit(status ?? (signal === 'SIGINT' ? 130 : 1));
